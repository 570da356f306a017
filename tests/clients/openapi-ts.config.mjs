// Generates a client of the document named by OPENAPI into OUTPUT: fetch, and zod, which validates what is sent and what comes.
export default {
  input: process.env.OPENAPI,
  output: process.env.OUTPUT,
  plugins: [
    "@hey-api/client-fetch",
    "zod",
    { name: "@hey-api/sdk", validator: true, auth: true },
  ],
};
