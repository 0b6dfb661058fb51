// Starts GraphiQL on this page. Headers (so bearer tokens) stay in memory: nothing of them is stored.
"use strict";

const place = document.getElementById("graphiql");
const endpoint = new URL(place.dataset.endpoint, window.location.href);
const socket = new URL(endpoint);
socket.protocol = endpoint.protocol === "https:" ? "wss:" : "ws:";

ReactDOM.createRoot(place).render(
  React.createElement(GraphiQL, {
    fetcher: GraphiQL.createFetcher({ url: endpoint.href, subscriptionUrl: socket.href }),
    plugins: [GraphiQLPluginExplorer.explorerPlugin()],
    defaultHeaders: '{\n  "authorization": "Bearer "\n}',
    defaultQuery: "{\n  viewer {\n    subject\n  }\n}\n",
    defaultEditorToolsVisibility: "headers",
    inputValueDeprecation: true,
    isHeadersEditorEnabled: true,
    shouldPersistHeaders: false,
  }),
);
