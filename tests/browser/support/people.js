// Who the pages are shown to.

/** Makes a member, an administrator and somebody for them to look at. */
export async function people(server) {
  const password = "correct horse";
  const member = await server.account("ann@example.com", password, "--name", "Ann");
  const admin = await server.account("chief@example.com", password, "--name", "Chief", "--admin");
  const long = `${"a-very-long-name.".repeat(3)}@a-host-with-a-long-name.example.com`;
  await server.account(long, password, "--legacy");
  return { member, admin };
}
