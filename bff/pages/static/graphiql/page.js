// Starts GraphiQL at this house's own endpoint. `?query=` in the address opens a document.
"use strict";

const EXAMPLE = `# 成都市人民公园附近的场馆。
# 右边的三角运行，左上角是文档。
# 登录后，在下方 Headers 里写
# {"Authorization": "Bearer …"}
{
  venuesNear(point: {lon: 104.0573, lat: 30.6573}, first: 5) {
    edges {
      distanceM
      node {
        name
        regionName
        sports {
          name
        }
      }
    }
  }
}
`;

async function ask(parameters, { headers } = {}) {
  const answer = await fetch("/graphql", {
    method: "POST",
    headers: { ...headers, "Content-Type": "application/json", Accept: "application/graphql-response+json" },
    body: JSON.stringify(parameters),
  });
  return answer.json();
}

const given = new URLSearchParams(location.search);
const root = ReactDOM.createRoot(document.getElementById("graphiql"));
root.render(
  React.createElement(GraphiQL, {
    fetcher: ask,
    defaultQuery: EXAMPLE,
    initialQuery: given.get("query") ?? undefined,
    initialVariables: given.get("variables") ?? undefined,
    shouldPersistHeaders: false, // they hold sign-ins
  }),
);
