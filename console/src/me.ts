import { queryOptions, useQuery } from '@tanstack/react-query';
import { api, ask } from './client';

/** The identity that is signed in, and its permissions: they decide what is offered, and the server decides what happens. */
export const meQuery = queryOptions({
  queryKey: ['me'],
  queryFn: () => ask(api.GET('/api/latchkey/v1/me')).then(({ me }) => me),
  staleTime: 60_000,
});

/** @returns the permission if it is missing, for a button that then says so. */
export function useMissing(): (permission: string) => string | false {
  const { data } = useQuery(meQuery);
  return (permission) => (data === undefined || data.permissions.includes(permission) ? false : permission);
}
