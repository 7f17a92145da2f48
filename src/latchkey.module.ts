import { type DynamicModule, Module, type Type } from '@nestjs/common';
import { RouterModule } from '@nestjs/core';
import { AccessTokensApiModule } from './access-tokens/access-tokens-api.module';
import { AccessTokensModule } from './access-tokens/access-tokens.module';
import { AUTH_METHOD_MODULES } from './auth-methods/auth-method-list';
import { faultsOfAuthMethods } from './auth-methods/auth-method.module';
import { HealthModule } from './health/health.module';
import { EmbeddingModule } from './embedding/embedding.module';
import { IdentitiesModule } from './identities/identities.module';
import { InstanceModule } from './instance/instance.module';
import { LatchkeyCoreModule } from './latchkey-core.module';
import { type ASYNC_OPTIONS_TYPE, type OPTIONS_TYPE } from './latchkey.module-definition';
import { MaintenanceModule } from './maintenance/maintenance.module';
import { LatchkeyOptionsError } from './latchkey.options';
import { OrganizationsModule } from './organizations/organizations.module';
import { PermissionsModule } from './permissions/permissions.module';
import { TokenAuthModule } from './token-auth/token-auth.module';

/** What shapes the module graph, and must therefore be known before any factory runs. */
export interface LatchkeyExtras {
  /**
   * Whether the REST API is mounted. Without it only the guard, its decorators and the services are there.
   * @default true
   */
  readonly controllers?: boolean;
  /**
   * Where the REST API is mounted: `/latchkey` makes it `/latchkey/api/v1/...`, behind the global prefix of the application
   * like any other route. Its clients are given that address as their site URL.
   * @default '' (the API is at `/api/v1/...`)
   */
  readonly mountPath?: string;
  /**
   * Ways to log in of the application's own, each made by `authMethodModule`, beside those Latchkey has.
   * @default []
   */
  readonly authMethods?: readonly Type[];
}

const REST_MODULES: Type[] = [
  AccessTokensApiModule,
  HealthModule,
  InstanceModule,
  OrganizationsModule,
  IdentitiesModule,
  TokenAuthModule,
];

/** Machine identities and access tokens for a Nest application. */
@Module({
  imports: [AccessTokensModule, MaintenanceModule, PermissionsModule, EmbeddingModule],
  exports: [AccessTokensModule, PermissionsModule, EmbeddingModule],
})
export class LatchkeyModule {
  /** Sets Latchkey up with options known now. */
  static forRoot(options: typeof OPTIONS_TYPE & LatchkeyExtras): DynamicModule {
    return this.around(LatchkeyCoreModule.forRoot(options), options);
  }

  /** Sets Latchkey up with options that a factory or class of the application provides. */
  static forRootAsync(options: typeof ASYNC_OPTIONS_TYPE & LatchkeyExtras): DynamicModule {
    return this.around(LatchkeyCoreModule.forRootAsync(options), options);
  }

  private static around(core: DynamicModule, extras: LatchkeyExtras): DynamicModule {
    const { controllers = true, mountPath = '', authMethods = [] } = extras;
    const methods = [...AUTH_METHOD_MODULES, ...authMethods];
    const faults = [...faultsOfMountPath(mountPath, controllers), ...faultsOfAuthMethods(methods)];
    if (faults.length > 0) throw new LatchkeyOptionsError(faults);
    const children = [...REST_MODULES, ...methods];
    const mounted = mountPath === '' ? [] : [RouterModule.register([{ path: mountPath, children }])];
    return { module: LatchkeyModule, imports: [core, ...(controllers ? [...children, ...mounted] : [])] };
  }
}

function faultsOfMountPath(mountPath: string, controllers: boolean): string[] {
  if (mountPath !== '' && !controllers)
    return ['mountPath must be left out with controllers: false, which mounts nothing'];
  const isPath = /^(\/?[\w.~-]+(\/[\w.~-]+)*)?\/?$/.test(mountPath);
  return isPath ? [] : ['mountPath must be a path such as /latchkey, without parameters or wildcards'];
}
