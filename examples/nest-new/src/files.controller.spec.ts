import { Test, TestingModule } from '@nestjs/testing';
import { LatchkeyTestingModule } from 'latchkey/testing';
import { FilesController } from './files.controller.js';

describe('FilesController', () => {
  let controller: FilesController;

  beforeEach(async () => {
    const module: TestingModule = await Test.createTestingModule({
      imports: [LatchkeyTestingModule],
      controllers: [FilesController],
    }).compile();

    controller = module.get<FilesController>(FilesController);
  });

  it('should be defined', () => {
    expect(controller).toBeDefined();
  });
});
