import { type ListPart, longAnswer, PART_SIZE } from '../common/http/long-answer';
import type { ListProjectsQueryDto } from './dto/project-input.dtos';
import type { ProjectDto } from './dto/project.dtos';

const MOST = 20_000;

/** The answer of a list of projects, which is sent part by part. @param key the name of the list in the answer. */
export async function listOf(
  key: string,
  { type = 'secret-manager', limit: most = MOST, cursor: start }: ListProjectsQueryDto,
  read: (cursor: string | undefined, limit: number) => Promise<ListPart<ProjectDto>>,
): Promise<object> {
  if (type !== 'secret-manager') return { [key]: [], nextCursor: null };
  const first = await read(start, Math.min(most, PART_SIZE));
  return longAnswer({ key, first, rest: {}, most, readNext: read });
}
