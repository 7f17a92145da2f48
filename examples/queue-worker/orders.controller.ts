import {
  BadRequestException,
  Body,
  Controller,
  Get,
  Headers,
  NotFoundException,
  Param,
  Post,
  Req,
  UseGuards,
} from '@nestjs/common';
import { AccessTokenGuard, AccessTokenVerifier, type AddressedRequest, Caller } from 'latchkey';
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
  async order(
    @Caller('identityId') orderedBy: string,
    @Req() request: AddressedRequest,
    @Headers('authorization') authorization: string,
    @Body('task') task: unknown,
  ) {
    if (typeof task !== 'string') throw new BadRequestException('task must be a text');
    const accessToken = authorization.replace(/^bearer +/i, '');
    const address = this.verifier.addressOf(request) ?? null;
    const { id } = await this.dataSource.manager.save(Job, { task, orderedBy, accessToken, address });
    return { id };
  }

  /** Somebody else's order, one that never was, and an id that can be none: to the caller they are the same. */
  @Get(':id')
  async look(@Caller('identityId') orderedBy: string, @Param('id') id: string) {
    const job = isId(id) ? await this.dataSource.manager.findOneBy(Job, { id: Number(id), orderedBy }) : null;
    if (job === null) throw new NotFoundException('There is no such order');
    return { state: job.state, outcome: job.outcome };
  }
}

function isId(text: string): boolean {
  return /^[1-9]\d{0,9}$/.test(text) && Number(text) < 2 ** 31;
}
