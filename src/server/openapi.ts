import { HttpStatus, type INestApplication } from '@nestjs/common';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';

export const DOCS_PATH = 'api/docs';

const TAGS: [string, string][] = [
  ['Identities', 'The programs of your organization, and what they may do.'],
  ['Universal Auth', 'Let a program log in with a client id and a client secret, for tokens that soon run out.'],
  ['Token Auth', 'Make tokens for an identity by hand: name, list, revoke them, and say how they behave.'],
  ['Access tokens', 'What the holder of a token can do with it: renew it, give it up.'],
  ['Organizations', 'Tenants. For instance admins.'],
  ['Instance', 'Set the installation up, and see whether it is up.'],
];

const BODY_REFUSALS = [String(HttpStatus.PAYLOAD_TOO_LARGE), String(HttpStatus.UNSUPPORTED_MEDIA_TYPE)];

const PATH_IDS: Record<string, string> = {
  identityId: 'The id of an identity of your organization: `identity.id` of "Create an identity".',
  tokenId: 'The id of a token: `tokenData.id` of "Create a token".',
  clientSecretId: 'The id of a client secret: `clientSecretData.id` of "Create a client secret".',
  orgId: 'The id of your organization: `organizationId` in `bootstrap.json`.',
};

type PathItem = OpenAPIObject['paths'][string];
type Schema = NonNullable<NonNullable<OpenAPIObject['components']>['schemas']>[string];

const DESCRIPTION = `Machine identities and access tokens for programs.

**Begin here.** Press *Authorize* and paste the access token the server printed when it first started (it is also in
\`bootstrap.json\` in its data directory). Then create an identity, attach Token Auth to it, and create a token.

Every refusal has the same body: \`reqId\`, \`statusCode\`, \`error\`, \`message\`, and sometimes \`details\`.`;

/** The API documentation as a document. */
export function openApiDocument(app: INestApplication): OpenAPIObject {
  const builder = new DocumentBuilder()
    .setTitle('Latchkey')
    .setDescription(DESCRIPTION)
    .setVersion('1')
    .setOpenAPIVersion('3.0.3')
    .addServer('/', 'This server')
    .addBearerAuth({ type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'An access token.' });
  for (const [name, description] of TAGS) builder.addTag(name, description);
  const document = SwaggerModule.createDocument(app, builder.build(), {
    operationIdFactory: (controller, method) => `${controller.replace(/Controller$/, '')}_${method}`,
  });
  for (const [path, item] of Object.entries(document.paths)) {
    // A GET reads no body, so nothing can be wrong with it.
    if (item.get) for (const status of BODY_REFUSALS) delete item.get.responses[status];
    describeParameters(path, item);
  }
  Object.values(document.components?.schemas ?? {}).forEach(giveExample);
  return document;
}

/** Text that most callers leave out has no example: Swagger UI would fill it in all the same, with the word "string". */
function giveExample(schema: Schema): void {
  if ('$ref' in schema || schema.properties === undefined) return;
  const properties = Object.entries(schema.properties).flatMap(([name, one]) =>
    '$ref' in one ? [] : [{ name, ...one }],
  );
  const isLeftOut = ({ name, type, example }: (typeof properties)[number]) =>
    type === 'string' && example === undefined && !schema.required?.includes(name);
  if (!properties.some(isLeftOut)) return;
  const given = properties.filter(({ example }) => example !== undefined);
  schema.example = Object.fromEntries(given.map(({ name, example }) => [name, example as unknown]));
}

/** Says of the ids in paths where they come from. */
function describeParameters(path: string, { get, post, patch, delete: remove }: PathItem): void {
  for (const parameter of [get, post, patch, remove].flatMap((operation) => operation?.parameters ?? [])) {
    if (!('in' in parameter) || parameter.in !== 'path') continue;
    const description = PATH_IDS[parameter.name];
    if (description === undefined) throw new TypeError(`${path}: say in PATH_IDS what ${parameter.name} is`);
    parameter.description = description;
  }
}

/** Serves Swagger UI at `/api/docs` and the document at `/api/docs/json`. */
export function serveOpenApi(app: INestApplication): OpenAPIObject {
  const document = openApiDocument(app);
  SwaggerModule.setup(DOCS_PATH, app, document, {
    jsonDocumentUrl: `${DOCS_PATH}/json`,
    yamlDocumentUrl: `${DOCS_PATH}/yaml`,
    customSiteTitle: 'Latchkey API',
    swaggerOptions: { persistAuthorization: true, displayRequestDuration: true, docExpansion: 'list', filter: true },
  });
  return document;
}
