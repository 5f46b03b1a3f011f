/** How long a message may be; apart from the schemas, which take long to load. */

/** A policy of 20,000 devices is about 12 MB of YAML. */
export const MAX_MESSAGE_BYTES = 32 * 1024 * 1024;

/** Named in a status; a box has a handful. */
export const MAX_CHANGED_VARIABLES = 100;
