import { Module, type ModuleMetadata, type Type } from '@nestjs/common';
import { IdentitiesModule } from '../identities/identities.module';
import type { AuthMethodDefinition, LoginDefinition } from './auth-method.definition';
import { AuthMethodsModule } from './auth-methods.module';
import { configurationController } from './configuration/configuration.controller';
import { lockoutsController } from './pipeline/lockouts.controller';
import { loginController } from './pipeline/login.controller';

/** A method as a module: how one logs in with it, and what it is made of besides. */
export interface AuthMethodParts extends Pick<ModuleMetadata, 'imports' | 'providers'> {
  readonly login: LoginDefinition;
  /** Routes that only this method has. */
  readonly controllers?: Type[];
}

const definitions = new WeakMap<Type, AuthMethodDefinition>();

/** The module of an auth method: its routes, its behaviour, and whatever that needs. To be listed among `authMethods`. */
export function authMethodModule(definition: AuthMethodDefinition, parts: AuthMethodParts): Type {
  const { login, controllers = [], imports = [], providers = [] } = parts;

  @Module({
    imports: [AuthMethodsModule, IdentitiesModule, ...imports],
    controllers: [
      loginController(definition, login),
      configurationController(definition, login.method),
      ...(definition.hasLockouts ? [lockoutsController(definition)] : []),
      ...controllers,
    ],
    providers: [login.method, ...providers],
  })
  class AuthMethodModule {}

  Object.defineProperty(AuthMethodModule, 'name', { value: `${definition.title.replaceAll(' ', '')}Module` });
  definitions.set(AuthMethodModule, definition);
  return AuthMethodModule;
}

/** The definition a module was made from; undefined for other modules. */
export function definitionOf(module: Type): AuthMethodDefinition | undefined {
  return definitions.get(module);
}

/** What is wrong with a list of methods: names that are none, or that two have. */
export function faultsOfAuthMethods(modules: readonly Type[]): string[] {
  const slugs = modules.map((module) => definitions.get(module)?.slug);
  return slugs.flatMap((slug, index) => {
    if (slug === undefined) return [`authMethods: ${modules[index]?.name} is not made by authMethodModule`];
    if (!/^[a-z][a-z0-9-]{0,62}$/.test(slug)) return ['authMethods: a slug is lower case, such as badge-auth'];
    const isTaken = slug === 'token-auth' || slugs.indexOf(slug) < index;
    return isTaken ? [`authMethods: ${slug} is there already`] : [];
  });
}
