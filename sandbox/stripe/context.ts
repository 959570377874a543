import { z } from 'zod';
import type { Books } from './books.ts';
import { checkExpand } from './expand.ts';
import type { FormRecord } from './form.ts';
import type { Kind } from './objects.ts';
import { readParams } from './params.ts';
import type { Store } from './store.ts';

/** What an endpoint works with: one request, one transaction. */
export interface Context {
  readonly store: Store;
  readonly books: Books;
  /** Of the simulator's clock, in seconds. */
  readonly nowS: number;
  /** The connected account for which it is asked; null for the platform. */
  readonly account: string | null;
  emit(type: string, object: object, account?: string): void;
}

interface Settings<P> {
  method: 'GET' | 'POST' | 'DELETE';
  /** With `:id` where the id stands. */
  path: string;
  answers: Kind | `list:${Kind}` | 'balance';
  params: z.ZodType<P>;
  /** It may be asked for a connected account (`Stripe-Account`). */
  ofAccounts?: true;
  run(context: Context, params: P, id: string): object;
}

export interface Endpoint {
  readonly method: string;
  readonly path: string;
  readonly ofAccounts: boolean;
  /** Reads the parameters, which no key remembers when it refuses them, and returns the execution. */
  prepare(form: FormRecord): { expands: string[]; run(context: Context, id: string): object };
}

export function endpoint<P>({ method, path, answers, params, ofAccounts, run }: Settings<P>): Endpoint {
  return {
    method,
    path,
    ofAccounts: ofAccounts ?? false,
    prepare({ expand = [], ...form }) {
      const expands = readParams(z.array(z.string()), expand as FormRecord);
      checkExpand(expands, answers);
      const read = readParams(params, form);
      return { expands, run: (context, id) => run(context, read, id) };
    },
  };
}

/** `{ object: 'list' }` around a page. */
export function listOf(page: { data: object[]; has_more: boolean }, url: string): object {
  return { object: 'list', ...page, url };
}
