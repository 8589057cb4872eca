// Logs in, and shows the page that was asked for.

const form = document.getElementById("login");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const answer = await fetch("login", { method: "POST", body: new FormData(form) });
  if (answer.ok) return location.reload();
  const { error } = await answer.json();
  document.getElementById("wrong").textContent = `${error[0].toUpperCase()}${error.slice(1)}.`;
  document.getElementById("password").select();
});
