import { Module } from '@nestjs/common';
import { OrganizationStore } from './organization.store';

/** Apart from the REST API: a host writes organizations without it. */
@Module({ providers: [OrganizationStore], exports: [OrganizationStore] })
export class OrganizationStoreModule {}
