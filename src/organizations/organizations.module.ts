import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { LATCHKEY_DATA_SOURCE } from '../database/connections/data-source-name';
import { Organization } from '../database/entities/organization.entity';
import { OrganizationStoreModule } from './organization-store.module';
import { OrganizationsService } from './organizations.service';

@Module({
  imports: [TypeOrmModule.forFeature([Organization], LATCHKEY_DATA_SOURCE), OrganizationStoreModule],
  providers: [OrganizationsService],
  exports: [OrganizationsService, OrganizationStoreModule],
})
export class OrganizationsModule {}
