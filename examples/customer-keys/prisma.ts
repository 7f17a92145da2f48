/** The transaction of `prisma.$transaction(async (tx) => ...)`, as far as Latchkey needs it. */
interface Transaction {
  $queryRawUnsafe(sql: string, ...values: unknown[]): PromiseLike<unknown>;
}

/** Lets Latchkey work in a transaction of Prisma: `tokens.revoke(id, within(tx))`. */
export const within = (tx: Transaction) => ({
  query: async (sql: string, parameters: unknown[] = []) => (await tx.$queryRawUnsafe(sql, ...parameters)) as object[],
});
