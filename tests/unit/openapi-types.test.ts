import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, expect, expectTypeOf, test } from 'vitest';
import type { z } from 'zod';
import type * as log from '../../src/integrations/call-tracking/twilio-log.openapi.ts';
import type { callSchema, pageSchema } from '../../src/integrations/call-tracking/twilio-log.ts';
import type * as lookup from '../../src/integrations/fraud/twilio-lookup.openapi.ts';
import type { answerSchema } from '../../src/integrations/fraud/twilio-lookup.ts';
import { OPENAPI_TYPES, renderOpenApiTypes } from '../helpers/generate-openapi.ts';

test.each(OPENAPI_TYPES.map((wanted) => ({ name: basename(wanted.file), wanted })))(
  '$name is what "npm run generate" makes from its document, edited by nobody',
  async ({ wanted }) => {
    expect(readFileSync(wanted.file, 'utf8')).toBe(await renderOpenApiTypes(wanted));
  },
);

/** The names of the fields, without those that a loose object lets through. */
type Named<T> = keyof { [Field in keyof T as string extends Field ? never : Field]: T } & string;

/**
 * Where we read a field that the document has not, or not with a type that we can read. That a field may be null or
 * missing is not looked at: the documents say so of every field, and we need some of them.
 */
type Differing<Read, Stated, At extends string> = [Read] extends [readonly (infer One)[]]
  ? [Stated] extends [readonly (infer Other)[]]
    ? Differing<One, Other, At>
    : At
  : [Read] extends [object]
    ? {
        [Field in Named<Read>]: Field extends keyof Stated
          ? Differing<NonNullable<Read[Field]>, NonNullable<Stated[Field]>, `${At}.${Field}`>
          : `${At}.${Field}`;
      }[Named<Read>]
    : [Stated] extends [Read]
      ? never
      : At;

// What the compiler finds otherwise is told by `npm run check`, with the names of the fields.
describe('each field that we read is one of Twilio’s document, with a type of its', () => {
  test('in the answer about a number', () => {
    type Schemas = lookup.components['schemas'];
    // The document leaves the package open here, and states it for questions about many numbers.
    type Stated = Omit<Schemas['lookups.v2.phone_number'], 'line_type_intelligence'> & {
      line_type_intelligence?: Schemas['LineTypeIntelligence'] | null;
    };
    expectTypeOf<Differing<z.input<typeof answerSchema>, Stated, 'number'>>().toBeNever();
  });

  test('in a page of calls, and in each call', () => {
    type Page = log.operations['ListCall']['responses'][200]['content']['application/json'];
    expectTypeOf<Differing<z.input<typeof pageSchema>, Page, 'page'>>().toBeNever();
    // Twilio's library makes a date of `start_time`.
    type Call = log.components['schemas']['api.v2010.account.call'] & { startTime: Date };
    expectTypeOf<Differing<z.input<typeof callSchema>, Call, 'call'>>().toBeNever();
  });

  test('a field that is not there, or cannot be read, is told by its name', () => {
    interface Read {
      readonly list: readonly {
        readonly id: string;
        readonly gone?: string | null;
        [more: string]: unknown;
      }[];
      readonly count: number;
      readonly code: number | string;
    }
    type Told = Differing<Read, { list?: { id: string }[]; count?: string | null; code?: number }, 'answer'>;
    expectTypeOf<Told>().toEqualTypeOf<'answer.list.gone' | 'answer.count'>();
  });
});
