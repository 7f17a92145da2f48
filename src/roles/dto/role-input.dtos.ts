import { applyDecorators } from '@nestjs/common';
import { Transform } from 'class-transformer';
import { emptied, listCut, objectCut } from '../../common/dto/cut';
import { Description, Flag, ListOf, Name, Text } from '../../common/dto/request-fields';
import {
  field,
  type FieldOptions,
  isStorable,
  isString,
  lengthBetween,
  matches,
  ofType,
  type Rule,
} from '../../common/dto/rules';
import { CUSTOM_ROLE, ROLES } from '../../permissions/roles';
import { MOST_ACTIONS, MOST_CONDITIONS, MOST_RULES, type RuleInput } from '../../permissions/rules/rule-input';

const RESERVED: readonly string[] = [...ROLES, CUSTOM_ROLE];

function isFree(reserved: readonly string[]): Rule {
  return {
    name: 'reserved',
    code: 'custom',
    holds: (value) => !reserved.includes(value as string),
    message: () => `This slug is reserved. Choose another one than ${reserved.join(', ')}`,
  };
}

/** The slug of a role. Capitals are lowered; letters of other alphabets that look the same are refused. */
export function RoleSlug(options: FieldOptions, reserved: readonly string[] = RESERVED): PropertyDecorator {
  const form = matches(
    /^[a-z0-9]+(-[a-z0-9]+)*$/,
    'Expected letters from a to z and digits, with single hyphens between them',
  );
  return applyDecorators(
    Transform(({ value }: { value: unknown }) => (typeof value === 'string' ? lowered(value.trim()) : value)),
    field([isString, ...lengthBetween(1, 64), form, isFree(reserved)], options, {
      type: String,
      minLength: 1,
      maxLength: 64,
    }),
  );
}

/** The Kelvin sign, too, becomes a `k`. */
function lowered(text: string): string {
  return /^[A-Za-z0-9-]*$/.test(text) ? text.toLowerCase() : text;
}

function Actions(options: FieldOptions): PropertyDecorator {
  const isAction = (value: unknown) =>
    typeof value === 'string' && value.length >= 1 && value.length <= 64 && isStorable.holds(value);
  const holds = (value: unknown) =>
    Array.isArray(value) ? value.length >= 1 && value.length <= MOST_ACTIONS && value.every(isAction) : isAction(value);
  const message = `Expected an action, or a list of 1 to ${MOST_ACTIONS} actions`;
  const rule: Rule = { name: 'actions', code: 'invalid_type', holds, message: () => message };
  const list = { type: 'array', items: { type: 'string' }, minItems: 1, maxItems: MOST_ACTIONS } as const;
  return field([rule], options, { oneOf: [{ type: 'string' }, list] }, listCut(MOST_ACTIONS, emptied));
}

/** Fields and their comparisons. The rules of the subject say which there are. */
function ConditionsField(options: FieldOptions): PropertyDecorator {
  const isObject = ofType('object', (value) => typeof value === 'object' && value !== null && !Array.isArray(value));
  const few = (value: object, cut: (inner: unknown) => unknown) =>
    Object.fromEntries(
      Object.entries(value)
        .slice(0, MOST_CONDITIONS + 1)
        .map(([key, inner]) => [key, cut(inner)]),
    );
  const cut = objectCut((fields) =>
    few(
      fields,
      objectCut((one) => few(one, listCut(MOST_CONDITIONS, emptied))),
    ),
  );
  return field([isObject], options, { type: 'object', additionalProperties: true }, cut);
}

export class RuleDto implements RuleInput {
  @Text({ description: 'The subject of the rule, such as `identity`.', example: 'identity', max: 64 })
  subject!: string;

  @Actions({ description: 'The action that the rule is about, or several.', example: ['read', 'create-token'] })
  action!: string | string[];

  @ConditionsField({
    description:
      'Limits the rule to objects whose fields compare: a text for equality, or an object of `$eq`, `$ne`, `$in` and `$glob`. Only rules on `app-connections` take conditions, on `connectionId`.',
    optional: true,
  })
  conditions?: object;

  @Flag({ description: 'Whether the rule prohibits. Default: false.', example: false, optional: true })
  inverted?: boolean;
}

const EXAMPLE_RULES = [{ subject: 'identity', action: ['read', 'create-token'] }];
const RULES = 'The rules, in order: the last one that matches decides.';

export class CreateRoleDto {
  @RoleSlug({ description: 'The name by which identities are given the role.', example: 'token-minter' })
  slug!: string;

  @Name({ description: 'The name of the role.', example: 'Token minter' })
  name!: string;

  @Description({
    description: 'The purpose of the role.',
    example: 'Creates tokens for identities that hold nothing more.',
    optional: true,
    nullable: true,
    max: 1_000,
  })
  description?: string | null;

  @ListOf(RuleDto, { description: RULES, example: EXAMPLE_RULES, min: 0, max: MOST_RULES })
  permissions!: RuleDto[];
}

/** A field that is left out keeps its value. */
export class UpdateRoleDto {
  @RoleSlug({
    description: 'The name by which identities are given the role.',
    example: 'token-minter',
    optional: true,
  })
  slug?: string;

  @Name({ description: 'The name of the role.', example: 'Token minter', optional: true })
  name?: string;

  @Description({
    description: 'The purpose of the role. Null clears it.',
    example: 'Creates tokens for identities that hold nothing more.',
    optional: true,
    nullable: true,
    max: 1_000,
  })
  description?: string | null;

  @ListOf(RuleDto, {
    description: `Replaces all rules. ${RULES}`,
    example: EXAMPLE_RULES,
    optional: true,
    min: 0,
    max: MOST_RULES,
  })
  permissions?: RuleDto[];
}
