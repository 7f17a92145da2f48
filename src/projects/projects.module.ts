import { Module } from '@nestjs/common';
import { IdentitiesModule } from '../identities/identities.module';
import { IdentityProjectsController } from './identity-projects.controller';
import { OlderMembershipsController } from './older-memberships.controller';
import { ProjectMembersService } from './project-members.service';
import { ProjectMembershipReads } from './project-membership.reads';
import { ProjectMembershipStore } from './project-membership.store';
import { ProjectMembershipsController } from './project-memberships.controller';
import { ProjectMembershipsService } from './project-memberships.service';
import { OlderProjectRolesController } from './older-project-roles.controller';
import { OldestProjectRolesController } from './oldest-project-roles.controller';
import { ProjectRolesController } from './project-roles.controller';
import { ProjectRolesService } from './project-roles.service';
import { ProjectRoleStore } from './project-role.store';
import { ProjectWorkService } from './project-work.service';
import { ProjectStore } from './project.store';
import { ProjectsController } from './projects.controller';
import { ProjectsService } from './projects.service';
import { WorkspacesController } from './workspaces.controller';

/** Projects, their members and their roles. */
@Module({
  imports: [IdentitiesModule],
  controllers: [
    ProjectsController,
    WorkspacesController,
    ProjectMembershipsController,
    OlderMembershipsController,
    IdentityProjectsController,
    ProjectRolesController,
    OlderProjectRolesController,
    OldestProjectRolesController,
  ],
  providers: [
    ProjectsService,
    ProjectWorkService,
    ProjectMembershipsService,
    ProjectMembersService,
    ProjectRolesService,
    ProjectMembershipReads,
    ProjectStore,
    ProjectMembershipStore,
    ProjectRoleStore,
  ],
})
export class ProjectsModule {}
