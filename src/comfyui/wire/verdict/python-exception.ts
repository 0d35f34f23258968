/** What the server's own code would raise: a type name and a message, without a traceback worth showing. */
export class PythonException extends Error {
  readonly type: string

  constructor(type: string, message: string) {
    super(message)
    this.type = type
  }
}
