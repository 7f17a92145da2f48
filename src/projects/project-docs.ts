import { READ_REFUSALS } from '../database/list-reads';
import type { AuthorizedDocs } from '../permissions/authorized.decorator';
import { ProjectAnswerDto, ProjectDto, ProjectListDto } from './dto/project.dtos';
import {
  ProjectDeleteProtectionError,
  ProjectSlugTakenError,
  UnknownKmsKeyError,
  UnsupportedProjectError,
} from './projects.errors';

/** The documentation of each operation on projects, which all families of paths share. */
export const PROJECT_DOCS = {
  create: {
    event: 'create-project',
    summary: 'Create a project',
    description: 'You become its administrator.',
    answer: ProjectAnswerDto,
    refusals: [
      new ProjectSlugTakenError('billing'),
      new UnsupportedProjectError('type', 'secret-manager'),
      new UnknownKmsKeyError(),
    ],
  },
  list: {
    event: 'list-projects',
    summary: 'List your projects',
    description: 'Only those that you are in, whatever your role in the organization.',
    answer: ProjectListDto,
    refusals: READ_REFUSALS,
  },
  get: { event: 'get-project', summary: 'Get a project', answer: ProjectAnswerDto },
  getBySlug: { event: 'get-project', summary: 'Get a project by its slug', answer: ProjectDto },
  update: {
    event: 'update-project',
    summary: 'Update a project',
    description: 'Fields that are left out keep their values.',
    answer: ProjectAnswerDto,
    refusals: [new ProjectSlugTakenError('billing')],
  },
  delete: {
    event: 'delete-project',
    summary: 'Delete a project',
    description: 'All rights in it end at once, on every node.',
    answer: ProjectAnswerDto,
    refusals: [new ProjectDeleteProtectionError()],
  },
} as const satisfies Record<string, AuthorizedDocs>;

/** The same operation at an older path. @param answer its answer there, if it is another one. */
export function older(docs: AuthorizedDocs, answer = docs.answer, place = 'at an older path'): AuthorizedDocs {
  const { summary, description, ...rest } = docs;
  return {
    ...rest,
    summary: `${summary}, ${place}`,
    description: [`Use "${summary}" instead.`, description].filter(Boolean).join(' '),
    answer,
    isDeprecated: true,
  };
}
