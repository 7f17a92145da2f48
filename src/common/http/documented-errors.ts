import { HttpStatus } from '@nestjs/common';
import { getSchemaPath } from '@nestjs/swagger';
import type { LatchkeyError } from '../errors/latchkey.error';
import { ErrorBodyDto, EXAMPLE_REQUEST_ID, ValidationFailureDto } from './error-body.dto';

/** The API documentation of a status: a refusal, with an example of every error that has it. */
export interface DocumentedRefusal {
  readonly description: string;
  readonly content: {
    readonly 'application/json': { readonly schema: { readonly $ref: string }; readonly examples: Examples };
  };
}

type Examples = Record<string, { readonly summary: string; readonly value: { readonly error: string } }>;

/** By status. The examples come from the very errors that are thrown (contract 4). */
export function documentedRefusals(errors: readonly LatchkeyError[]): Record<string, DocumentedRefusal> {
  const byStatus = new Map<number, Examples>();
  for (const error of errors) {
    const code = error.errorCode ?? '';
    const body = error.getResponse() as { error: string };
    const example = { summary: code, value: { reqId: EXAMPLE_REQUEST_ID, ...body } };
    byStatus.set(error.getStatus(), { ...byStatus.get(error.getStatus()), [code]: example });
  }
  return Object.fromEntries([...byStatus].map(([status, examples]) => [status, refusal(status, examples)]));
}

/** Adds errors to the answers of an operation, beside those that are documented already. */
export function addRefusals(responses: Record<string, unknown>, errors: readonly LatchkeyError[]): void {
  for (const [status, added] of Object.entries(documentedRefusals(errors))) {
    const present = responses[status] as DocumentedRefusal | undefined;
    const examples = {
      ...present?.content['application/json'].examples,
      ...added.content['application/json'].examples,
    };
    responses[status] = refusal(Number(status), examples);
  }
}

function refusal(status: number, examples: Examples): DocumentedRefusal {
  const model = status === Number(HttpStatus.UNPROCESSABLE_ENTITY) ? ValidationFailureDto : ErrorBodyDto;
  return {
    description: [...new Set(Object.values(examples).map(({ value }) => value.error))].join(', '),
    content: { 'application/json': { schema: { $ref: getSchemaPath(model) }, examples } },
  };
}
