import { Body, Controller, Get, Param, Post, Req, UseGuards } from '@nestjs/common';
import { AccessTokenGuard, AccessTokenVerifier, type AddressedRequest } from 'latchkey';
import { DataSource } from 'typeorm';
import { Job } from './job.entity.js';

@Controller('orders')
@UseGuards(AccessTokenGuard)
export class OrdersController {
  constructor(
    private readonly dataSource: DataSource,
    private readonly verifier: AccessTokenVerifier,
  ) {}

  @Post()
  async order(@Req() request: AddressedRequest, @Body() { task }: { task: string }) {
    const accessToken = String(request.headers.authorization).replace(/^bearer +/i, '');
    const address = this.verifier.addressOf(request) ?? null;
    const { id } = await this.dataSource.manager.save(Job, { task, accessToken, address });
    return { id };
  }

  @Get(':id')
  async look(@Param('id') id: string) {
    const { state, outcome } = await this.dataSource.manager.findOneByOrFail(Job, { id: Number(id) });
    return { state, outcome };
  }
}
