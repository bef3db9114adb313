/** What can go wrong between page and server; each message is one sentence for the reader. */

/** The server does not answer, or not to this page: the same question is worth asking again. */
export class Unreachable extends Error {}

/** The server has answered no; asked again it would say the same. */
export class Refused extends Error {
  /** @param {string} sentence @param {number} status of HTTP */
  constructor(sentence, status) {
    super(sentence);
    this.status = status;
  }
}

/** @param {unknown} error @returns {string} */
export function sentenceOf(error) {
  return error instanceof Error ? error.message : String(error);
}
