/**
 * The types that make one server and one client serve every message list of messages/: a table of requests, each with
 * the schema of its parameters and of its answer. No code, so that both ends agree by construction.
 */
import type { z } from 'zod';

export type RequestTable = Readonly<
  Record<string, { readonly params: z.ZodType; readonly result: z.ZodType }>
>;

export type RequestNameOf<T extends RequestTable> = keyof T & string;
/** What the asker writes (defaults may be left out). */
export type ParamsOf<T extends RequestTable, N extends RequestNameOf<T>> = z.input<T[N]['params']>;
/** What the handler gets (defaults filled in). */
export type ParsedParamsOf<T extends RequestTable, N extends RequestNameOf<T>> = z.output<T[N]['params']>;
/** What the asker gets. */
export type ResultOf<T extends RequestTable, N extends RequestNameOf<T>> = z.output<T[N]['result']>;
/** What the handler gives. */
export type AnswerOf<T extends RequestTable, N extends RequestNameOf<T>> = z.input<T[N]['result']>;

/** Who asks: the user at the other end of the socket, by the kernel's word; null where it did not tell. */
export interface Asker {
  readonly uid: number | null;
}

/** One handler for each request, but for `subscribe`, which the server itself answers. */
export type Handlers<T extends RequestTable> = {
  readonly [N in Exclude<RequestNameOf<T>, 'subscribe'>]: (
    params: ParsedParamsOf<T, N>,
    asker: Asker,
  ) => AnswerOf<T, N> | Promise<AnswerOf<T, N>>;
};
