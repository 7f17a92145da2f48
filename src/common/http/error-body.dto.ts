import { ApiProperty } from '@nestjs/swagger';

export const EXAMPLE_REQUEST_ID = 'req-8KJ2mX0pQ4rT7z';

/** The fields of every refusal (contract section 4). */
export class ErrorBodyDto {
  @ApiProperty({ description: 'The id of this request, which also stands in the log.', example: EXAMPLE_REQUEST_ID })
  reqId!: string;

  @ApiProperty({ description: 'The HTTP status.', type: 'integer', example: 404 })
  statusCode!: number;

  @ApiProperty({ description: 'The kind of error.', example: 'NotFound' })
  error!: string;

  @ApiProperty({
    description: 'A message that says what was wrong and what is allowed.',
    example: 'There is no such route.',
  })
  message!: string;

  @ApiProperty({
    description: 'Data for programs, with some errors.',
    required: false,
    oneOf: [
      { type: 'object', additionalProperties: true },
      { type: 'array', items: { type: 'object', additionalProperties: true } },
    ],
  })
  details?: object;
}

export class ValidationIssueDto {
  @ApiProperty({ enum: ['invalid_type', 'too_small', 'too_big', 'invalid_string', 'custom'], example: 'invalid_type' })
  code!: string;

  @ApiProperty({
    description: 'Keys and indexes that lead to the value at fault.',
    type: 'array',
    items: { oneOf: [{ type: 'string' }, { type: 'integer' }] },
    example: ['name'],
  })
  path!: (string | number)[];

  @ApiProperty({ example: 'Expected string, received number' })
  message!: string;
}

/** The fields of a 422: those of any refusal, with a list of issues as its message. */
export class ValidationFailureDto {
  @ApiProperty({ description: 'The id of this request, which also stands in the log.', example: EXAMPLE_REQUEST_ID })
  reqId!: string;

  @ApiProperty({ type: 'integer', example: 422 })
  statusCode!: number;

  @ApiProperty({ example: 'ValidationFailure' })
  error!: string;

  @ApiProperty({ type: () => [ValidationIssueDto] })
  message!: ValidationIssueDto[];
}
