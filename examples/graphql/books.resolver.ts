import { UseGuards } from '@nestjs/common';
import { Args, Field, Mutation, ObjectType, Query, Resolver } from '@nestjs/graphql';
import { AccessTokenGuard, Authorized, Caller, OptionalAccessToken, type VerifiedAccessToken } from 'latchkey';

@ObjectType()
export class Book {
  @Field()
  title!: string;

  @Field()
  addedBy!: string;
}

/** Books anybody may read, and some may add. */
@Resolver(() => Book)
export class BooksResolver {
  private readonly shelf: Book[] = [];

  @Query(() => [Book])
  books(): Book[] {
    return this.shelf;
  }

  /** Who is asking: a name, or nobody. */
  @Query(() => String, { nullable: true })
  @UseGuards(AccessTokenGuard)
  @OptionalAccessToken()
  me(@Caller() caller?: VerifiedAccessToken): string | null {
    return caller?.identityName ?? null;
  }

  @Mutation(() => Book)
  @Authorized('books:write')
  add(@Caller() { identityName }: VerifiedAccessToken, @Args('title') title: string): Book {
    const book = { title, addedBy: identityName };
    this.shelf.push(book);
    return book;
  }
}
