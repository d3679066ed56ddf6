// The beginning of the console. Its styles come first, so that those of a page are over them.
import "./styles/fonts.css";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/ui.css";
import { QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { RouterProvider } from "react-router/dom";

import { setCsrfToken, whenForbidden, whenSessionIsOver } from "./api/client";
import { makeQueryClient } from "./api/queries";
import { sessionQuery } from "./api/session";
import { router } from "./app/router";
import { applyTheme } from "./app/theme";
import { keepFocus } from "./ui/focus";
import { ToastProvider } from "./ui/Toast";

applyTheme();
keepFocus();
const client = makeQueryClient();
whenSessionIsOver(() => {
  setCsrfToken(null);
  client.setQueryData(sessionQuery.queryKey, null);
});
// What somebody may do is asked anew as soon as the API refuses what the page offered.
whenForbidden(() => void client.invalidateQueries({ queryKey: sessionQuery.queryKey }));
// Asked for at once, while the rest of the page is put together.
client.query(sessionQuery).catch(() => undefined);

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <QueryClientProvider client={client}>
        <ToastProvider>
          <RouterProvider router={router} />
        </ToastProvider>
      </QueryClientProvider>
    </StrictMode>,
  );
}
