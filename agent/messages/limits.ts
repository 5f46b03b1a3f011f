/** How long a message may be; apart from the schemas, which take long to load. */

/** A policy of 20,000 devices is about 12 MB of YAML. */
export const MAX_MESSAGE_BYTES = 32 * 1024 * 1024;
