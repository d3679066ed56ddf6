// From addresses to pages.
import { createBrowserRouter, Navigate, type RouteObject } from "react-router";

import { SignInPage } from "../signin/SignInPage";
import { Broken, NothingHere } from "./exceptions";
import { Home, OrganizationHome, OrganizationLayout, Permitted } from "./Frame";
import { PAGES, type Page } from "./pages";

function routesOf(page: Page): RouteObject[] {
  const children: RouteObject[] = ["", ...(page.below ? [page.below] : [])].map((path) => ({
    path,
    ...(page.load ? { lazy: page.load } : { Component: page.Component ?? NothingHere }),
  }));
  return [{ path: page.path, element: <Permitted page={page} />, children }];
}

export const router = createBrowserRouter([
  { path: "/sign-in", Component: SignInPage, ErrorBoundary: Broken },
  { path: "/invitation", lazy: () => import("../signin/InvitationPage"), ErrorBoundary: Broken },
  { path: "/setup", lazy: () => import("../signin/SetupPage"), ErrorBoundary: Broken },
  { path: "/account", lazy: () => import("../account/AccountPage"), ErrorBoundary: Broken },
  { path: "/", Component: Home, ErrorBoundary: Broken },
  {
    path: "/orgs/:org",
    Component: OrganizationLayout,
    ErrorBoundary: Broken,
    children: [
      { index: true, Component: OrganizationHome },
      // Inside of the frame, so that the rest of the console stays at hand when a page breaks.
      { ErrorBoundary: Broken, children: [...PAGES.flatMap(routesOf), { path: "*", Component: NothingHere }] },
    ],
  },
  { path: "/orgs", element: <Navigate to="/" replace /> },
  { path: "*", Component: NothingHere, ErrorBoundary: Broken },
]);
