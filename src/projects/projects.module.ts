import { Module } from '@nestjs/common';
import { ProjectMembershipStore } from './project-membership.store';
import { ProjectStore } from './project.store';
import { ProjectsController } from './projects.controller';
import { ProjectsService } from './projects.service';
import { WorkspacesController } from './workspaces.controller';

/** Projects, their members and their roles. */
@Module({
  controllers: [ProjectsController, WorkspacesController],
  providers: [ProjectsService, ProjectStore, ProjectMembershipStore],
})
export class ProjectsModule {}
