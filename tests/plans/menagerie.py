"""A schema for the fuzzer, with what ours has not yet: interfaces, unions, lists upon lists, deep inputs."""

from graphql import GraphQLSchema, build_schema

NODE = """id: ID! name: String! owner: Node
  friends(first: Int! = 10): [Node!]! @listSize(assumedSize: 50, slicingArguments: ["first"])"""
ANIMAL = f"{NODE} age: Int mother: Animal"
SDL = f"""
directive @cost(weight: Int!) on FIELD_DEFINITION
directive @listSize(assumedSize: Int!, slicingArguments: [String!], sizedFields: [String!]) on FIELD_DEFINITION

interface Node {{ {NODE} }}
interface Animal implements Node {{ {ANIMAL} }}
type Cat implements Animal & Node {{ {ANIMAL} lives: Int! toys: [Thing!]! @listSize(assumedSize: 5) }}
type Dog implements Animal & Node {{ {ANIMAL} tricks(like: Filter): [String!]! @listSize(assumedSize: 20) }}
type Person implements Node {{
  {NODE}
  pets(first: Int! = 10, where: Filter): PetConnection!
    @listSize(assumedSize: 50, slicingArguments: ["first"], sizedFields: ["edges", "nodes"])
  portrait: String @cost(weight: 100)
}}
type Ball {{ id: ID! colour: Colour! weight: Float of: Animal }}
type Bone {{ id: ID! colour: Colour smell: String! of: Dog }}
union Thing = Ball | Bone | Cat
enum Colour {{ RED GREEN BLUE }}
type PetConnection {{ edges: [PetEdge!]! nodes: [Animal!]! total: Int! }}
type PetEdge {{ cursor: String! node: Animal! }}
input Filter {{
  all: [Filter!] any: [Filter!] not: Filter name: String age: Range colours: [Colour!] = [RED] matrix: [[Int!]!]
}}
input Range {{ from: Int = 0 to: Int! inclusive: Boolean! = true }}
type Query {{
  node(id: ID!): Node
  person(name: String!, like: Filter): Person
  animals(first: Int! = 10, where: Filter): [Animal!]! @listSize(assumedSize: 50, slicingArguments: ["first"])
  things(of: Filter): [Thing!]! @listSize(assumedSize: 30)
  unsized: [Thing!]!
  again: Query
  thing: Thing
  count(where: Filter, n: Int, s: String): Int!
}}
type Mutation {{ feed(id: ID!, with: [Filter!]!): Animal name(id: ID!, as: String!): Node }}
"""


def menagerie() -> GraphQLSchema:
    return build_schema(SDL)
