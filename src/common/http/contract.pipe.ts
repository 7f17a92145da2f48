import { type ArgumentMetadata, Injectable, type Type, ValidationPipe } from '@nestjs/common';
import type { ValidationError } from 'class-validator';
import { cutTo } from '../dto/cut';
import { type Rule, typeName } from '../dto/rules';
import { type IssueCode, ValidationFailureError, type ValidationIssue } from '../errors/common.errors';

/**
 * Validates bodies and queries against their DTO class. Unknown keys are dropped, everything else is strict, and faults are
 * answered as the contract's list of issues (decision 12).
 */
@Injectable()
export class ContractPipe extends ValidationPipe {
  constructor() {
    super({
      whitelist: true,
      transform: true,
      stopAtFirstError: true,
      validationError: { target: false },
      exceptionFactory: (errors) => new ValidationFailureError(errors.flatMap((error) => issuesOf(error, []))),
    });
  }

  /** For a parameter whose class is known only when its controller is made. */
  static of(expectedType: Type): ContractPipe {
    const pipe = new ContractPipe();
    pipe.expectedType = expectedType;
    return pipe;
  }

  override async transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    if (metadata.type === 'body' && value !== undefined && !isObject(value)) {
      const message = `Expected object, received ${typeName(value)}`;
      throw new ValidationFailureError([{ code: 'invalid_type', path: [], message }]);
    }
    const metatype = (this.expectedType ?? metadata.metatype) as Type;
    const isInput = this.toValidate({ ...metadata, metatype }) && isObject(value);
    const cut = isInput ? cutTo(metatype, value) : value;
    return super.transform(cut, metadata) as Promise<unknown>;
  }
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function issuesOf(error: ValidationError, parents: (string | number)[]): ValidationIssue[] {
  const path = [...parents, /^\d+$/.test(error.property) ? Number(error.property) : error.property];
  const nested = (error.children ?? []).flatMap((child) => issuesOf(child, path));
  const own = Object.entries(error.constraints ?? {}).map(([name, message]) => ({
    code: codeOf(error, name),
    path: [...path, ...placeOf(error, name)],
    message: name === 'nestedValidation' ? 'Expected object' : message,
  }));
  // The field's own message says it better than class-validator's, which says that nothing nested was found.
  const better = own.filter(({ code }) => code !== undefined);
  const chosen = better.length > 0 ? better : own;
  return [...chosen.map((issue) => ({ ...issue, code: issue.code ?? 'invalid_type' })), ...nested];
}

/** The place within a field that the rule of a constraint refuses. */
function placeOf(error: ValidationError, constraint: string): (string | number)[] {
  return (error.contexts?.[constraint] as Pick<Rule, 'place'> | undefined)?.place?.(error.value) ?? [];
}

function codeOf(error: ValidationError, constraint: string): IssueCode | undefined {
  return (error.contexts?.[constraint] as { code?: IssueCode } | undefined)?.code;
}
