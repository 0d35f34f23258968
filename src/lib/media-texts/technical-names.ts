const technicalNames =
  /^(encoder|\xa9too|\xa9enc|\xa9swr|encoder[ _]?(settings|options)|software|duration|bps|number_of_(frames|bytes)|_statistics_\w+|replaygain_\w+|r128_\w+|waveformatextensible_channel_mask|itunsmpb|itunnorm|com\.apple\.quicktime\.software)$/i

/** No technical value is longer. */
const maxTechnicalBytes = 256

/** Whether a named text says how the sound or the video is to be played or was encoded, which is not for people. */
export function isTechnicalText(name: string, sizeBytes: number): boolean {
  return sizeBytes <= maxTechnicalBytes && technicalNames.test(name)
}
