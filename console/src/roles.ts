import { queryOptions } from '@tanstack/react-query';
import { api, ask } from './client';

export const rolesQuery = queryOptions({
  queryKey: ['roles'],
  queryFn: () => ask(api.GET('/api/v1/organization/roles')).then(({ roles }) => roles),
  staleTime: 60_000,
});
