import { Global, Module, type NestModule, type OnModuleInit } from '@nestjs/common';
import { AuthMethodStoreModule } from '../auth-methods/configuration/auth-method-store.module';
import { ClientSecretStoreModule } from '../auth-methods/universal-auth/client-secret-store.module';
import { IdentityStoreModule } from '../identities/identity-store.module';
import { OrganizationStoreModule } from '../organizations/organization-store.module';
import { AccessTokens } from './access-tokens';
import { ApplicationRoutesService } from './application-routes.service';
import { AuditTrail } from './audit-trail';
import { HostInspection } from './host-inspection';
import { HostTransactionService } from './host-transaction.service';
import { IdentityReaderService } from './identity-reader.service';
import { KeyChangesService } from './key-changes.service';
import { KeyIssuingService } from './key-issuing.service';
import { KeyReaderService } from './key-reader.service';
import { MachineIdentities } from './machine-identities';
import { OtherMethodsService } from './other-methods.service';
import { SecretChangesService } from './secret-changes.service';

/** The services for a host's own code, with or without the REST API. The module is global, like that of the access tokens. */
@Global()
@Module({
  imports: [OrganizationStoreModule, IdentityStoreModule, AuthMethodStoreModule, ClientSecretStoreModule],
  providers: [
    HostTransactionService,
    AccessTokens,
    AuditTrail,
    KeyIssuingService,
    KeyChangesService,
    KeyReaderService,
    IdentityReaderService,
    MachineIdentities,
    ApplicationRoutesService,
    HostInspection,
    OtherMethodsService,
    SecretChangesService,
  ],
  exports: [AccessTokens, AuditTrail, MachineIdentities],
})
export class HostApiModule implements NestModule, OnModuleInit {
  constructor(
    private readonly inspection: HostInspection,
    private readonly otherMethods: OtherMethodsService,
  ) {}

  /**
   * Configures no middleware; no part of the package does. But only at this moment are the host's prefix and versioning known,
   * while Fastify has not yet thrown at a duplicate route.
   */
  configure(): void {
    this.inspection.requireRoom();
  }

  /** An application without routes reaches only this hook. If there are routes, they are registered by now. */
  onModuleInit(): void {
    this.inspection.requireSound();
    this.otherMethods.answer();
  }
}
