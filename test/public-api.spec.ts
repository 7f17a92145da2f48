import 'reflect-metadata';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import * as path from 'node:path';
import * as ts from 'typescript';
import * as latchkey from '../src';
import { REFUSALS } from '../src/access-tokens/issuing/access-tokens.errors';

interface PackedFiles {
  readonly files: readonly { readonly path: string }[];
}

type ErrorClass = new (about: string | string[]) => latchkey.LatchkeyError;

const documentation = readFileSync(path.join(__dirname, '../docs/embedding.md'), 'utf8');
const SRC = path.join(__dirname, '../src');
const ENTRIES = ['index', 'testing/index', 'passport', 'metrics/index'];

/** Everything an entry exports: its name, what it is, and its signature, public members included. */
class PublicApi {
  private readonly program: ts.Program;
  private readonly checker: ts.TypeChecker;
  private readonly printer = ts.createPrinter({ removeComments: true });

  constructor() {
    const config = ts.readConfigFile(path.join(SRC, '../tsconfig.json'), (file) => ts.sys.readFile(file));
    const { options } = ts.parseJsonConfigFileContent(config.config, ts.sys, path.join(SRC, '..'));
    const files = ENTRIES.map((entry) => path.join(SRC, `${entry}.ts`));
    this.program = ts.createProgram(files, {
      ...options,
      incremental: false,
      tsBuildInfoFile: undefined,
      noEmit: true,
    });
    this.checker = this.program.getTypeChecker();
  }

  exportsOf(entry: string): ts.Symbol[] {
    const file = this.program.getSourceFile(path.join(SRC, `${entry}.ts`))!;
    return this.checker
      .getExportsOfModule(this.checker.getSymbolAtLocation(file)!)
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  isDocumented(symbol: ts.Symbol): boolean {
    return this.original(symbol).getDocumentationComment(this.checker).length > 0;
  }

  describe(symbol: ts.Symbol): string {
    const declaration = this.original(symbol).declarations![0]!;
    if (ts.isClassDeclaration(declaration)) return this.describeClass(symbol.name, declaration);
    if (ts.isInterfaceDeclaration(declaration) || ts.isTypeAliasDeclaration(declaration)) {
      const text = this.printer.printNode(ts.EmitHint.Unspecified, declaration, declaration.getSourceFile());
      return text.replace(/^export /, '');
    }
    // What is in them is no promise to anybody.
    if (/_(ENTITIES|MIGRATIONS)$/.test(symbol.name)) return `${symbol.name}: a list`;
    return `${symbol.name}: ${this.typeOf(this.original(symbol), declaration)}`;
  }

  private describeClass(name: string, declaration: ts.ClassDeclaration): string {
    const heritage = (declaration.heritageClauses ?? []).map((clause) => clause.getText()).join(' ');
    const members = declaration.members
      .filter((member) => member.name && !(ts.getCombinedModifierFlags(member) & HIDDEN))
      .map((member) => {
        const isStatic = (ts.getCombinedModifierFlags(member) & ts.ModifierFlags.Static) !== 0;
        const symbol = this.checker.getSymbolAtLocation(member.name!)!;
        return `  ${isStatic ? 'static ' : ''}${symbol.name}: ${this.typeOf(symbol, member)}`;
      });
    return [`class ${name} ${heritage}`.trimEnd(), ...members].join('\n');
  }

  private typeOf(symbol: ts.Symbol, at: ts.Node): string {
    return this.checker.typeToString(
      this.checker.getTypeOfSymbolAtLocation(symbol, at),
      at,
      ts.TypeFormatFlags.NoTruncation | ts.TypeFormatFlags.WriteArrowStyleSignature,
    );
  }

  private original(symbol: ts.Symbol): ts.Symbol {
    return symbol.flags & ts.SymbolFlags.Alias ? this.checker.getAliasedSymbol(symbol) : symbol;
  }
}

const HIDDEN = ts.ModifierFlags.Private | ts.ModifierFlags.Protected;

describe('what the package exports', () => {
  const api = new PublicApi();

  // A change here is a change for every host: `jest -u` only after having thought of them.
  it.each(ENTRIES)('from %s is what it was, down to the signatures', (entry) => {
    expect(
      api
        .exportsOf(entry)
        .map((symbol) => api.describe(symbol))
        .join('\n\n'),
    ).toMatchSnapshot();
  });

  it.each(ENTRIES)('from %s is explained, all of it', (entry) => {
    const silent = api.exportsOf(entry).filter((symbol) => !api.isDocumented(symbol));
    expect(silent.map(({ name }) => name)).toEqual([]);
  });
});

describe('the errors a host may catch', () => {
  it('are in its documentation, all of them, with code and status', () => {
    const classes = Object.values<unknown>({ ...latchkey }).filter(
      (value): value is ErrorClass => typeof value === 'function' && value.prototype instanceof latchkey.LatchkeyError,
    );
    // One that says for itself what it is about is in no table.
    const named = classes.filter((Type) => Type !== (latchkey.LoginError as unknown));
    const samples = named.flatMap((Type) =>
      (Type === (latchkey.AccessTokenRefusedError as unknown) ? Object.keys(REFUSALS) : ['reports:read']).map(
        (about) => {
          const isOfIssues = Type === (latchkey.ValidationFailureError as unknown);
          const subject = Type === (latchkey.MissingMetadataError as unknown) ? [about] : about;
          const isOfLimits = Type === (latchkey.RateLimitedError as unknown);
          const error = new Type(isOfIssues || isOfLimits ? [] : subject);
          return `${error.errorCode} ${error.getStatus()} ${Type.name}`;
        },
      ),
    );
    const rows = documentation.matchAll(/^\| `(\w+)` +\| (\d+) +\| `(\w+)` +\|$/gm);
    expect([...rows].map(([, code, status, name]) => `${code} ${status} ${name}`).sort()).toEqual(samples.sort());
  });
});

/** What `npm pack` puts into the package: as it did already, where it has. */
function packedFiles(root: string): string[] {
  const tarball = process.env.PACKED_TARBALL;
  if (tarball) {
    const listed = execFileSync('tar', ['tzf', tarball], { encoding: 'utf8' });
    return listed.split('\n').map((line) => line.replace(/^package\//, ''));
  }
  const npm = ['pack', '--dry-run', '--json', '--ignore-scripts'];
  const packed = JSON.parse(execFileSync('npm', npm, { cwd: root, encoding: 'utf8' })) as PackedFiles[];
  return packed[0]!.files.map((file) => file.path);
}

describe('the package', () => {
  it('has what its documentation links to', () => {
    const root = path.join(__dirname, '..');
    const files = packedFiles(root);
    const documents = files.filter((file) => file.endsWith('.md'));
    expect(documents).toEqual(expect.arrayContaining(['README.md', 'docs/embedding.md', 'examples/README.md']));
    const links = documents.flatMap((file) => {
      const text = readFileSync(path.join(root, file), 'utf8');
      return [...text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, link]) => path.join(path.dirname(file), link!));
    });
    expect(links).toContain('docs/embedding.md');
    expect(links.filter((link) => !files.some((there) => there === link || there.startsWith(`${link}/`)))).toEqual([]);
  });
});
