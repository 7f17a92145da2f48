import * as fs from 'node:fs';
import * as path from 'node:path';
import * as ts from 'typescript';

const SRC = path.join(__dirname, '../src');

interface Import {
  readonly from: string;
  /** A file relative to `src`, or the name of a package. */
  readonly to: string;
  readonly isTypeOnly: boolean;
  /** Loaded when it is needed, by `require` or `import()`. */
  readonly isLazy: boolean;
}

const files = (fs.readdirSync(SRC, { recursive: true }) as string[])
  .filter((file) => /(?<!\.spec)\.ts$/.test(file))
  .sort();
const text = (file: string) => fs.readFileSync(path.join(SRC, file), 'utf8');
const parse = (file: string, source = text(file)) => ts.createSourceFile(file, source, ts.ScriptTarget.Latest, true);

function nodesOf(root: ts.Node): ts.Node[] {
  const nodes: ts.Node[] = [];
  const visit = (node: ts.Node): void => {
    nodes.push(node);
    ts.forEachChild(node, visit);
  };
  visit(root);
  return nodes;
}

type Load = Omit<Import, 'from' | 'to'> & { readonly target: ts.Node | undefined };

/** What a node loads, however it is written. */
function loadOf(node: ts.Node): Load | undefined {
  if (ts.isImportDeclaration(node)) {
    return { target: node.moduleSpecifier, isTypeOnly: node.importClause?.isTypeOnly ?? false, isLazy: false };
  }
  if (ts.isExportDeclaration(node) && node.moduleSpecifier) {
    return { target: node.moduleSpecifier, isTypeOnly: node.isTypeOnly, isLazy: false };
  }
  if (ts.isExternalModuleReference(node)) return { target: node.expression, isTypeOnly: false, isLazy: false };
  if (ts.isImportTypeNode(node)) {
    const target = ts.isLiteralTypeNode(node.argument) ? node.argument.literal : node.argument;
    return { target, isTypeOnly: true, isLazy: false };
  }
  if (!ts.isCallExpression(node)) return undefined;
  const isLoad = node.expression.kind === ts.SyntaxKind.ImportKeyword || node.expression.getText() === 'require';
  return isLoad ? { target: node.arguments[0], isTypeOnly: false, isLazy: true } : undefined;
}

function importsOf(source: ts.SourceFile): Import[] {
  const from = source.fileName;
  return nodesOf(source).flatMap((node) => {
    const load = loadOf(node);
    if (!load) return [];
    const { target, isTypeOnly, isLazy } = load;
    const name = target && ts.isStringLiteralLike(target) ? target.text : '(not a literal)';
    const to = name.startsWith('.') ? path.join(path.dirname(from), name) : name;
    return [{ from, to, isTypeOnly, isLazy }];
  });
}

const sources = files.map((file) => parse(file));
const everyImport = sources.flatMap(importsOf);
const modules = new Set(files.map((file) => file.replace(/\.ts$/, '')));
const isFile = (to: string) => modules.has(to) || modules.has(`${to}/index`) || to.startsWith('..');
const imports = everyImport.filter(({ to }) => isFile(to));

/** The files a file imports, and those they import. Migrations lie outside of `src`: they import `database/` alone. */
function reachedFrom(entry: string): string[] {
  const seen = new Set<string>();
  const visit = (file: string): void => {
    if (seen.has(file) || file.startsWith('..')) return;
    seen.add(file);
    for (const { from, to, isTypeOnly } of imports) if (from === `${file}.ts` && !isTypeOnly) visit(to);
  };
  visit(entry);
  return [...seen].map((file) => `${file}.ts`);
}

const isProcess = (node?: ts.Node) => node !== undefined && /(^|\.)process$/.test(node.getText());

function readsEnvironment(node: ts.Node): boolean {
  if (ts.isPropertyAccessExpression(node)) return isProcess(node.expression) && node.name.text === 'env';
  if (ts.isElementAccessExpression(node)) return isProcess(node.expression);
  if (ts.isVariableDeclaration(node)) {
    return isProcess(node.initializer) && /\benv\b|^\w+$|\.\.\./.test(node.name.getText());
  }
  if (ts.isImportDeclaration(node)) return /^['"](node:)?process['"]$/.test(node.moduleSpecifier.getText());
  return false;
}

const isIn = (file: string, ...folders: string[]) => folders.some((folder) => file.startsWith(`${folder}/`));
const said = (wrong: Import[]) => wrong.map(({ from, to }) => `${from} -> ${to}`);
/** The package that a module belongs to. */
const packageOf = (name: string) =>
  name
    .split('/')
    .slice(0, name.startsWith('@') ? 2 : 1)
    .join('/');
/** What a table is written by: SQL that names it, and TypeORM's ways to write an entity. */
interface Write {
  readonly file: string;
  readonly table: string;
}

const REPOSITORY_WRITES =
  /^(save|insert|update|upsert|delete|remove|softDelete|softRemove|restore|increment|decrement|clear|create|into)$/;

/** The tables that a piece of SQL writes. */
const tablesWrittenBy = (sql: string) =>
  [...sql.matchAll(/\b(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM|MERGE\s+INTO|TRUNCATE)\s+latchkey\.(\w+)/gi)].map(
    ([, table]) => table!,
  );

/** `this.tokens` of a class that has been given the repository of an entity. */
const repositoriesIn = (source: ts.SourceFile) =>
  new Map(
    [...source.text.matchAll(/@InjectRepository\((\w+)[^)]*\)\s*(?:private|protected)?\s*(?:readonly)?\s*(\w+)/g)].map(
      ([, entity, name]) => [`this.${name!}`, entity!],
    ),
  );

/** The entities of a call such as `tx.update(Identity, ...)`, `this.tokens.update(...)`, or `into(Identity)` of a query builder. */
function entitiesWrittenBy(node: ts.Node, repositories: ReadonlyMap<string, string>): string[] {
  if (!ts.isCallExpression(node) || !ts.isPropertyAccessExpression(node.expression)) return [];
  const { name, expression } = node.expression;
  if (!REPOSITORY_WRITES.test(name.text)) return [];
  const [receiver] = /^this\.\w+/.exec(expression.getText()) ?? [];
  return [...node.arguments.map((argument) => argument.getText()), repositories.get(receiver ?? '') ?? ''];
}

function writesOf(source: ts.SourceFile): Write[] {
  const repositories = repositoriesIn(source);
  const isText = (node: ts.Node): node is ts.LiteralLikeNode | ts.TemplateExpression =>
    ts.isStringLiteralLike(node) || ts.isTemplateExpression(node);
  return nodesOf(source)
    .flatMap((node) => [
      ...(isText(node) ? tablesWrittenBy(node.getText()) : []),
      ...entitiesWrittenBy(node, repositories).flatMap((entity) => entityTables.get(entity) ?? []),
    ])
    .map((table) => ({ file: source.fileName, table }));
}

/** The entities and their tables: `Identity` is `identities`. */
const entityTables = new Map(
  sources.flatMap((source) =>
    nodesOf(source)
      .filter(ts.isClassDeclaration)
      .flatMap((type): [string, string][] => {
        const [, table] = /@Entity\('(\w+)'\)/.exec(type.getText()) ?? [];
        return type.name && table ? [[type.name.text, table]] : [];
      }),
  ),
);

const ROOT = /^(latchkey\.|latchkey-core)/;

describe('the arrows that these tests look at', () => {
  it('are found, in most files', () => {
    expect(imports.length).toBeGreaterThan(500);
    expect(imports.filter(({ isTypeOnly }) => isTypeOnly).length).toBeGreaterThan(50);
    expect(everyImport.filter(({ isLazy }) => isLazy).length).toBeGreaterThan(0);
    const importing = new Set(everyImport.map(({ from }) => from));
    expect(files.filter((file) => !importing.has(file)).length).toBeLessThan(files.length / 5);
  });

  // A folder that was renamed would take its rule with it silently.
  it.each(['common', 'database', 'change-feed', 'access-tokens', 'permissions', 'auth-methods', 'server'])(
    'are found from %s, which has rules of its own',
    (folder) => expect(imports.some(({ from }) => isIn(from, folder))).toBe(true),
  );

  it('are found however they are written', () => {
    const source = parse(
      'a/b.ts',
      `import './c'; import type { D } from "./d"; export * from '../e'; export type { F } from './f';
       import g = require('./g'); const h = import(\`./h\`); const i = require('i');
       let j: typeof import('./j'); import(k);`,
    );
    const found = importsOf(source).map(({ to, isTypeOnly, isLazy }) => [to, isTypeOnly, isLazy]);
    expect(found).toEqual([
      ['a/c', false, false],
      ['a/d', true, false],
      ['e', false, false],
      ['a/f', true, false],
      ['a/g', false, false],
      ['a/h', false, true],
      ['i', false, true],
      ['a/j', true, false],
      ['(not a literal)', false, true],
    ]);
  });
});

describe('the arrows between folders', () => {
  it('leave common alone: it knows nothing of ours', () => {
    expect(said(imports.filter(({ from, to }) => isIn(from, 'common') && !isIn(to, 'common')))).toEqual([]);
  });

  it('lead from database to common, entities and migrations only', () => {
    const isAllowed = (to: string) =>
      isIn(to, 'common', 'database', '../migrations') || /\.entity$|^\.\.\/migrations$/.test(to);
    expect(said(imports.filter(({ from, to }) => isIn(from, 'database') && !isAllowed(to)))).toEqual([]);
  });

  it('lead from the change feed, which all rest on, to common and database only', () => {
    const isAllowed = (to: string) => isIn(to, 'common', 'database', 'change-feed') || ROOT.test(to);
    expect(said(imports.filter(({ from, to }) => isIn(from, 'change-feed') && !isAllowed(to)))).toEqual([]);
  });

  it('lead from the gate to no feature but its entities', () => {
    const isAllowed = (to: string) =>
      isIn(to, 'common', 'database', 'change-feed', 'changes', 'access-tokens', 'permissions') ||
      ROOT.test(to) ||
      /\.entity$/.test(to);
    expect(
      said(imports.filter(({ from, to }) => isIn(from, 'access-tokens', 'permissions') && !isAllowed(to))),
    ).toEqual([]);
  });

  it('lead from how changes are made to no feature, and to the gate for its types only', () => {
    const isAllowed = ({ to, isTypeOnly }: Import) =>
      isIn(to, 'common', 'database', 'change-feed', 'changes') || (isTypeOnly && isIn(to, 'access-tokens'));
    const own = imports.filter(({ from }) => isIn(from, 'changes'));
    expect(own.length).toBeGreaterThan(5);
    expect(said(own.filter((one) => !isAllowed(one)))).toEqual([]);
  });

  it('lead between the rooms of the access tokens downwards only', () => {
    const floors = [['issuing', 'usage'], ['verification'], ['guarding'], ['api']];
    const roomOf = (file: string) => /^access-tokens\/([^/]+)\//.exec(file)?.[1];
    const floorOf = (file: string) => floors.findIndex((rooms) => rooms.includes(roomOf(file) ?? ''));
    const between = imports.filter(({ from, to }) => roomOf(from) && roomOf(to) && roomOf(from) !== roomOf(to));
    expect(between.length).toBeGreaterThan(10);
    expect(said(between.filter(({ from, to }) => floorOf(to) === -1 || floorOf(to) >= floorOf(from)))).toEqual([]);
  });

  it('lead to the server from the server and its entry only', () => {
    const wrong = imports.filter(({ from, to }) => isIn(to, 'server') && !isIn(from, 'server') && from !== 'main.ts');
    expect(imports.some(({ from, to }) => from === 'main.ts' && isIn(to, 'server'))).toBe(true);
    expect(said(wrong)).toEqual([]);
  });

  it('lead from no auth method to another, and to each from the list of them alone', () => {
    const methodOf = (file: string) => /^auth-methods\/([^/]+)\//.exec(file)?.[1];
    const isMethod = (file: string) =>
      isIn(file, 'auth-methods') && !['configuration', 'federation', 'pipeline', undefined].includes(methodOf(file));
    // A host rotates client secrets in its code, without the routes of their method.
    const isRotation = (from: string, to: string) =>
      (isIn(from, 'host-api') || from === 'index.ts') &&
      /^auth-methods\/universal-auth\/(client-secret(-store\.module|-rotation\.service|\.store)|universal-auth\.errors)$/.test(
        to,
      );
    const wrong = imports.filter(
      ({ from, to }) =>
        isMethod(to) &&
        methodOf(from) !== methodOf(to) &&
        from !== 'auth-methods/auth-method-list.ts' &&
        !isRotation(from, to) &&
        !/\.entity$/.test(to),
    );
    expect(said(wrong)).toEqual([]);
  });

  it('lead to no controller but from its module', () => {
    const toControllers = imports.filter(({ to }) => /\.controller$/.test(to));
    expect(toControllers.length).toBeGreaterThan(5);
    expect(said(toControllers.filter(({ from }) => !/\.module\.ts$/.test(from)))).toEqual([]);
  });

  it('carry DTOs into controllers as values: as a type a body would be validated against nothing, or against Function', () => {
    const isController = (file: string) => /\.controller\.ts$/.test(file);
    const wrong = imports.filter(
      ({ from, to, isTypeOnly }) => isController(from) && isTypeOnly && /(^|\/)dto\//.test(to),
    );
    expect(said(wrong)).toEqual([]);
    const isInline = (node: ts.Node) => ts.isImportSpecifier(node) && node.isTypeOnly && /Dto$/.test(node.name.text);
    const inline = sources.filter((source) => isController(source.fileName) && nodesOf(source).some(isInline));
    expect(inline.map(({ fileName }) => fileName)).toEqual([]);
    expect(imports.some(({ from, to }) => isController(from) && /(^|\/)dto\//.test(to))).toBe(true);
  });

  it('lead from what a package exports to no part of the server, and to no package its hosts need not have', () => {
    const manifest = JSON.parse(fs.readFileSync(path.join(SRC, '../package.json'), 'utf8')) as {
      dependencies: Record<string, string>;
      peerDependencies: Record<string, string>;
      peerDependenciesMeta: Record<string, { optional: boolean }>;
      exports: Record<string, { default: string }>;
    };
    const { dependencies, peerDependencies, peerDependenciesMeta, exports } = manifest;
    const everywhere = Object.keys({ ...dependencies, ...peerDependencies }).filter(
      (name) => !peerDependenciesMeta[name],
    );
    const wrong = (entry: string, ...more: string[]) => {
      const reached = reachedFrom(entry);
      const bare = everyImport
        .filter(({ from, to, isTypeOnly }) => reached.includes(from) && !isTypeOnly && !isFile(to))
        .map(({ from, to, isLazy }) => ({ file: from, name: packageOf(to), isLazy }));
      const isKnown = ({ name, isLazy }: { name: string; isLazy: boolean }) =>
        name.startsWith('node:') ||
        [...everywhere, ...more].includes(name) ||
        // What a host need not have is loaded only where it shows that it has it.
        (isLazy && peerDependenciesMeta[name]?.optional);
      return [
        ...reached.filter((file) => isIn(file, 'server') || file === 'main.ts'),
        ...bare.filter((one) => !isKnown(one)).map(({ file, name }) => `${file} -> ${name}`),
      ];
    };
    expect(Object.keys(exports)).toEqual(['.', './testing', './passport', './metrics', './package.json']);
    expect(wrong('index')).toEqual([]);
    expect(wrong('testing/index')).toEqual([]);
    expect(wrong('passport', '@nestjs/passport', 'passport-jwt')).toEqual([]);
    expect(wrong('metrics/index', 'prom-client')).toEqual([]);
  });

  it('close no circle', () => {
    const next = new Map(files.map((file) => [file.replace(/\.ts$/, ''), [] as string[]]));
    for (const { from, to, isTypeOnly } of imports) if (!isTypeOnly) next.get(from.replace(/\.ts$/, ''))?.push(to);
    const done = new Set<string>();
    const circles: string[] = [];
    const visit = (file: string, trail: string[]): void => {
      if (trail.includes(file)) circles.push([...trail.slice(trail.indexOf(file)), file].join(' -> '));
      if (done.has(file) || trail.includes(file)) return;
      for (const to of next.get(file) ?? []) visit(to, [...trail, file]);
      done.add(file);
    };
    for (const file of next.keys()) visit(file, []);
    expect(circles).toEqual([]);
  });

  it('lead into no class from more than eight others: a class that needs more does two things', () => {
    const widest = sources.flatMap((source) =>
      nodesOf(source)
        .filter(ts.isConstructorDeclaration)
        .map(({ parameters }) => ({ file: source.fileName, needs: parameters.length })),
    );
    expect(widest.length).toBeGreaterThan(50);
    expect(widest.filter(({ needs }) => needs > 8)).toEqual([]);
  });

  it('ask nothing that runs a statement for its data source: TypeORM 0.3 and 1 call that by two names', () => {
    const migrations = path.join(SRC, '../migrations');
    const sources = new Map([
      ...files.map((file) => [file, text(file)] as const),
      ...fs
        .readdirSync(migrations)
        .map((file) => [file, fs.readFileSync(path.join(migrations, file), 'utf8')] as const),
    ]);
    const asking = /\b(tx|manager|runner|queryRunner)\.(dataSource|connection)\b/;
    expect([...sources].filter(([, source]) => asking.test(source)).map(([file]) => file)).toEqual([]);
  });

  it('read the environment in one place, and bind nothing globally', () => {
    const offenders = (pattern: RegExp) => files.filter((file) => pattern.test(text(file)));
    const readers = sources.filter((source) => nodesOf(source).some(readsEnvironment)).map(({ fileName }) => fileName);
    expect(readers).toContain('server/environment.ts');
    const isAllowed = (file: string) => file === 'server/environment.ts' || isIn(file, 'embedded-postgres');
    expect(readers.filter((file) => !isAllowed(file))).toEqual([]);
    expect(offenders(/APP_(GUARD|FILTER|PIPE|INTERCEPTOR)|forwardRef\(/)).toEqual([]);
  });

  it.each([
    'process.env.A',
    "process['env']",
    'const { env } = process',
    'globalThis.process.env',
    "import { env } from 'node:process'",
  ])('know that `%s` reads the environment', (source) => {
    expect(nodesOf(parse('a.ts', source)).some(readsEnvironment)).toBe(true);
  });
});

describe('the writers of a table', () => {
  const writes = sources.flatMap((source) => writesOf(source));
  const writersOf = (table: string) => [
    ...new Set(writes.filter((write) => write.table === table).map(({ file }) => file)),
  ];
  const tables = [...new Set(writes.map(({ table }) => table))].sort();
  /** What writes a table that has another writer: it changes keys, counts uses, notes a signature, clears up, or makes the tokens of a host's tests. */
  const BESIDES: Record<string, readonly string[]> = {
    'access-tokens/issuing/key.store.ts': ['identity_access_tokens'],
    'access-tokens/issuing/rotation.store.ts': ['identity_access_tokens'],
    'access-tokens/usage/usage-batch-writer.ts': ['identity_access_tokens'],
    'access-tokens/usage/usage.limiter.ts': ['identity_access_tokens'],
    'audit-log/chain/batch.store.ts': ['audit_unsealed'],
    'audit-log/chain/checkpoint.store.ts': ['audit_chains'],
    'audit-log/chain/retention.store.ts': ['audit_batches', 'audit_chains', 'audit_checkpoints'],
    'maintenance/change.pruner.ts': ['nodes', 'use_batches', 'verdict_changes'],
    'maintenance/removed-method.cleaner.ts': ['identity_access_tokens', 'removed_auth_methods'],
    'maintenance/token.pruner.ts': ['identity_access_tokens'],
    'testing/test-kit.ts': ['identity_access_tokens'],
  };

  it.each(tables)('of %s is one file, besides those that count uses or clear up', (table) => {
    const others = writersOf(table).filter((file) => !BESIDES[file]?.includes(table));
    // Triggers and functions of the database insert the rows of these.
    const least = ['audit_unsealed', 'removed_auth_methods', 'verdict_changes'].includes(table) ? 0 : 1;
    expect(others).toEqual(others.slice(0, 1));
    expect(others.length).toBeGreaterThanOrEqual(least);
  });

  it('that are exceptions exist', () => {
    const found = (file: string) => [
      ...new Set(writes.filter((write) => write.file === file).map(({ table }) => table)),
    ];
    for (const [file, expected] of Object.entries(BESIDES))
      expect(found(file)).toEqual(expect.arrayContaining([...expected]));
  });

  it.each([
    ['identity_access_tokens', 'access-tokens/issuing/access-token.store.ts'],
    ['identities', 'identities/identity.store.ts'],
    ['identity_metadata', 'identities/identity.store.ts'],
    ['organization_memberships', 'identities/identity.store.ts'],
    ['organizations', 'organizations/organization.store.ts'],
    ['identity_auth_methods', 'auth-methods/configuration/auth-method.store.ts'],
    ['client_secrets', 'auth-methods/universal-auth/client-secret.store.ts'],
    ['instance', 'database/instance.store.ts'],
    ['token_events', 'changes/hooks/token-event.store.ts'],
    ['token_event_mark', 'changes/hooks/token-event.store.ts'],
  ])('of %s is its store, which services and the host API share: %s', (table, store) => {
    const stores = writersOf(table).filter((file) => /\.store\.ts$/.test(file) && !BESIDES[file]?.includes(table));
    expect(stores).toEqual([store]);
  });

  it('are found however they write', () => {
    const source = parse(
      'a.ts',
      `const A = \`UPDATE latchkey.identities SET name = $1\`; const B = "insert into latchkey.users VALUES (1)";
       tx.save(tx.create(Identity, {})); tx.delete(User, { id }); query.insert().into(Identity);
       const C = \`WITH x AS (\${D}) DELETE FROM latchkey.identities\`; tx.findOneBy(User, { id });
       class E { constructor(@InjectRepository(User, LATCHKEY) private readonly users) {} f() { this.users.update({}); } }`,
    );
    const found = writesOf(source).map(({ table }) => table);
    expect(found).toEqual(['identities', 'users', 'identities', 'users', 'identities', 'identities', 'users']);
    expect(entityTables.size).toBeGreaterThan(8);
    expect(new Set(writes.map(({ table }) => table)).size).toBeGreaterThan(8);
  });
});
