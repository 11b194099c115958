// Mercurius with JIT as its documentation shows it, on Fastify and pg with prepared statements.
// What it is given: PORT, PG…, and HANDED_OVER, a file with our schema's text and the statements that all sides send.

import { readFileSync } from "node:fs";
import Fastify from "fastify";
import mercurius from "mercurius";
import { GraphQLScalarType } from "graphql";
import pg from "pg";
import { grid, midnightOf } from "./grid.mjs";
import { page, parameters } from "./venues.mjs";

const { schema, nearby, timetable, held, connections } = JSON.parse(readFileSync(process.env.HANDED_OVER, "utf8"));
// Connections stay, as those of the other sides do; pg would close them after 10 s without work.
const pool = new pg.Pool({ max: connections, idleTimeoutMillis: 0, application_name: "mercurius" });

async function rows(name, text, values) {
  return (await pool.query({ name, text, values })).rows; // a name makes pg prepare it once a connection
}

const instant = new GraphQLScalarType({
  name: "DateTime",
  serialize: (value) => `${value.toISOString().slice(0, 19)}+00:00`, // as the other sides write it
});

const resolvers = {
  DateTime: instant,
  Query: {
    async venuesNear(_root, asked) {
      return page(await rows("nearby", nearby, parameters(asked, Date.now())), asked.first);
    },
    async slots(_root, { venueId, date }) {
      const year = date.slice(0, 4);
      const [row] = await rows("timetable", timetable, [venueId, "", date, `${year}-01-01`, `${year}-12-31`]);
      const firstStep = midnightOf(date) / 1_800_000;
      return grid(row, await rows("held", held, [row.id, firstStep, firstStep + 48]), date, Date.now());
    },
  },
};

const app = Fastify();
app.register(mercurius, { schema, resolvers, jit: 1 });
await app.listen({ host: "127.0.0.1", port: Number(process.env.PORT) });
