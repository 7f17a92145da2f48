import { Module } from '@nestjs/common';
import { IdentityStore } from './identity.store';

/** Apart from the REST API: a host writes identities without it. */
@Module({ providers: [IdentityStore], exports: [IdentityStore] })
export class IdentityStoreModule {}
