import { Global, Module, type NestModule, type OnModuleInit } from '@nestjs/common';
import { IdentityStoreModule } from '../identities/identity-store.module';
import { AccessTokens } from './access-tokens';
import { ApplicationRoutesService } from './application-routes.service';
import { HostInspection } from './host-inspection';
import { HostTransactionService } from './host-transaction.service';
import { MachineIdentities } from './machine-identities';
import { OtherMethodsService } from './other-methods.service';

/** What a host does in its own code, with or without the REST API. Global, like the gate. */
@Global()
@Module({
  imports: [IdentityStoreModule],
  providers: [
    HostTransactionService,
    AccessTokens,
    MachineIdentities,
    ApplicationRoutesService,
    HostInspection,
    OtherMethodsService,
  ],
  exports: [AccessTokens, MachineIdentities],
})
export class HostApiModule implements NestModule, OnModuleInit {
  constructor(
    private readonly inspection: HostInspection,
    private readonly otherMethods: OtherMethodsService,
  ) {}

  /**
   * No middleware is configured here, nor anywhere in the package. But this is the one moment when the prefix and the
   * versioning of the host are known, and Fastify has not yet thrown at a route that is there twice.
   */
  configure(): void {
    this.inspection.requireRoom();
  }

  /** An application without routes comes only here; where there are any, they are registered by now. */
  onModuleInit(): void {
    this.inspection.requireSound();
    this.otherMethods.answer();
  }
}
