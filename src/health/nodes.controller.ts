import { Get } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { goneAfterMs } from '../change-feed/freshness';
import { NodeRegistry } from '../change-feed/node.registry';
import { LatchkeyController } from '../common/http/latchkey-controller.decorator';
import { LATCHKEY_DATA_SOURCE } from '../database/connections/data-source-name';
import { inSchemaOf } from '../database/schema';
import { LatchkeySettings } from '../latchkey.options';
import { Authorized } from '../permissions/authorized.decorator';
import { NodeDto, NodeListDto } from './nodes.dto';

interface Row {
  readonly id: string;
  readonly name: string;
  readonly started_at: Date;
  readonly seen_at: Date;
  readonly applied_revision: string;
  readonly asked_at: Date;
}

/** A route that the reference lacks (decision 36). */
@LatchkeyController('api/latchkey/v1/nodes', 'Instance')
export class NodesController {
  constructor(
    @InjectDataSource(LATCHKEY_DATA_SOURCE) private readonly dataSource: DataSource,
    private readonly registry: NodeRegistry,
    private readonly settings: LatchkeySettings,
  ) {}

  @Get()
  @Authorized('organization:read', {
    event: 'list-nodes',
    summary: 'List the nodes',
    description: 'Only for instance administrators. The nodes of the instance, and how far each is.',
    answer: NodeListDto,
  })
  async list(): Promise<NodeListDto> {
    const rows = await this.dataSource.query<Row[]>(inSchemaOf(this.dataSource, NODES));
    const { revocationBoundMs } = this.settings;
    const databaseTime = rows[0]?.asked_at ?? new Date();
    return { revocationBoundMs, databaseTime, nodes: rows.map((row) => this.describe(row)) };
  }

  private describe({ id, name, started_at, seen_at, applied_revision, asked_at }: Row): NodeDto {
    const silentMs = Math.max(0, asked_at.getTime() - seen_at.getTime());
    return {
      node: name,
      isThisNode: id === this.registry.id,
      startedAt: started_at,
      seenAt: seen_at,
      appliedRevision: Number(applied_revision),
      silentMs,
      isGone: silentMs > goneAfterMs(this.settings.revocationBoundMs),
    };
  }
}

const NODES = `
  SELECT id, name, started_at, seen_at, applied_revision, clock_timestamp() AS asked_at
    FROM latchkey.nodes ORDER BY name, id LIMIT 500`;
