/** A picture of 64×64 pixels, small enough to stand in an example: a light box in front of a background in steps. */
export const exampleImage =
  'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAEAAAABACAAAAACPAi4CAAAAfElEQVR4AaXBsQ2AMADAsDTqEZzQkVM5jZPYixhQ7HHQSCSRRBJJJJFEEkkkkUQSTd5uPp3sJJJoLv5Y7CSSSCKJJJJIIokkkkgiiSSSSKK5+GOxk0giiSSSSCKJJJJIIokkkkgiicZFI5FEEkkkkUQSSSSRRBJJJJFEEj1SkwLNfzHDAQAAAABJRU5ErkJggg=='
