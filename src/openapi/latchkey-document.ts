import { HttpStatus, type INestApplication, type Type } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import { CHOICES } from '../common/dto/request-fields';
import { addRefusals } from '../common/http/documented-errors';
import { isDocumentedController, showing as showingController } from '../common/http/latchkey-controller.decorator';
import { ValidationFailureError } from '../common/errors/common.errors';
import type { AuthMethodDefinition } from '../auth-methods/auth-method.definition';
import { definitionOf } from '../auth-methods/auth-method.module';
import { Examples, type Operation } from './examples';

/** A name, and what is said of it. */
type Tag = [string, string];

const IDENTITIES: Tag = ['Identities', 'The programs of your organization, and their roles.'];
const ROLES: Tag = ['Roles', 'Roles of your own: say what an identity may do, action by action.'];
const PROJECTS: Tag = [
  'Projects',
  'Access is granted in projects: a project has members, and each has roles, for good or for a time.',
];
const TAGS: Tag[] = [
  ['Token Auth', 'Create tokens for an identity by hand; name, list and revoke them, and set how they behave.'],
  ['Access tokens', 'Calls for the holder of a token: renew it, revoke it.'],
  ['Organizations', 'Tenants. Only for instance administrators.'],
  ['Audit log', 'The events of your organization, and the proof that none is missing.'],
  ['Instance', 'Set up the installation, and check its status.'],
];

const BODY_REFUSALS = [String(HttpStatus.PAYLOAD_TOO_LARGE), String(HttpStatus.UNSUPPORTED_MEDIA_TYPE)];

const PATH_IDS: Record<string, string> = {
  identityId: 'The id of an identity of your organization: `identity.id` of "Create an identity".',
  tokenId: 'The id of a token: `tokenData.id` of "Create a token".',
  roleId: 'The id of a role: `role.id` of "Create a role".',
  slug: 'The slug of a role: `role.slug` of "Create a role".',
  streamId: 'The id of a stream: `stream.id` of "Create a stream of the audit log".',
  projectId: 'The id of a project that you are in: `project.id` of "Create a project".',
  membershipId: 'The id of a membership: `identityMembership.id` of "Add an identity to a project".',
  projectRoleId: 'The id of a role of a project: `role.id` of "Create a role of a project".',
  roleSlug: 'The slug of a role of a project: `role.slug` of "Create a role of a project".',
  projectSlug: 'The slug of a project that you are in: `project.slug` of "Create a project".',
  orgId: 'The id of your organization: `identityDetails.organization.id` of "Get the current identity".',
};

type PathItem = OpenAPIObject['paths'][string];

const DESCRIPTION = `Machine identities and access tokens for programs.

**Start here.** Press *Authorize* and paste the access token that the server printed on its first start (it is also in
\`bootstrap.json\` in its data directory). Then create an identity, attach Token Auth to it, and create a token.

Every error has the same body: \`reqId\`, \`statusCode\`, \`error\`, \`message\`, and sometimes \`details\`.`;

/**
 * The OpenAPI document of Latchkey's own routes, wherever in the application they are mounted. The host's own document contains
 * none of them.
 *
 * @param app the application, before or after it listens.
 * @throws Error if the application does not import LatchkeyModule.
 */
export function latchkeyDocument(app: INestApplication): OpenAPIObject {
  const builder = new DocumentBuilder()
    .setTitle('Latchkey')
    .setDescription(DESCRIPTION)
    .setVersion('1')
    .setOpenAPIVersion('3.0.3')
    .addServer('/', 'This server')
    .addBearerAuth({ type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'An access token.' });
  const methods = definitionsIn(app);
  const ofMethods = methods.flatMap(({ title, docs }): Tag[] => (docs ? [[title, docs.description]] : []));
  for (const [name, description] of [IDENTITIES, ROLES, PROJECTS, ...ofMethods, ...TAGS])
    builder.addTag(name, description);
  const pathIds = Object.assign({}, PATH_IDS, ...methods.map(({ docs }) => docs?.pathIds)) as Record<string, string>;
  const document = showing(app, (include) =>
    SwaggerModule.createDocument(app, builder.build(), {
      include,
      operationIdFactory: (controller, method) => `${controller.replace(/Controller$/, '')}_${method}`,
    }),
  );
  const examples = new Examples(document);
  for (const [path, item] of Object.entries(document.paths)) {
    // A GET reads no body, so nothing can be wrong with it.
    if (item.get) for (const status of BODY_REFUSALS) delete item.get.responses[status];
    describeParameters(path, item, pathIds);
    for (const operation of operationsOf(item)) {
      examples.give(operation);
      const issue = examples.issueOf(operation);
      if (issue) addRefusals(operation.responses, [new ValidationFailureError([issue])]);
    }
  }
  return document;
}

/** Every operation of a path. */
export function operationsOf({ get, post, patch, delete: remove }: PathItem): Operation[] {
  return [get, post, patch, remove].filter((operation) => operation !== undefined) as Operation[];
}

/** Describes the ids in paths by the answers they come from, and the choices of query parameters. */
function describeParameters(path: string, item: PathItem, pathIds: Record<string, string>): void {
  for (const parameter of operationsOf(item).flatMap((operation) => operation.parameters ?? [])) {
    const { [CHOICES]: choices, schema } = parameter;
    if (choices !== undefined) schema.enum = choices;
    delete parameter[CHOICES];
    if (parameter.in !== 'path') continue;
    const description = pathIds[parameter.name];
    if (description === undefined)
      throw new TypeError(`${path}: say in PATH_IDS, or in the docs of the method, what ${parameter.name} is`);
    parameter.description = description;
  }
}

/** The methods one can log in with, in the order in which they are listed. */
function definitionsIn(app: INestApplication): AuthMethodDefinition[] {
  const modules = [...app.get(ModulesContainer).values()].map(({ metatype }) => definitionOf(metatype));
  return modules.filter((definition) => definition !== undefined);
}

/** Runs something with the modules of Latchkey's controllers, while these are not hidden from documents. */
function showing<T>(app: INestApplication, act: (modules: Type[]) => T): T {
  const modules = [...app.get(ModulesContainer).values()].filter(({ controllers }) =>
    [...controllers.values()].some(({ metatype }) => metatype && isDocumentedController(metatype)),
  );
  const controllers = modules.flatMap((module) =>
    [...module.controllers.values()].map(({ metatype }) => metatype as Type),
  );
  return showingController(controllers, () => act(modules.map(({ metatype }) => metatype)));
}
