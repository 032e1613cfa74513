// swift-tools-version: 6.2
import PackageDescription

// A package outside, which uses the library as a stranger does.
let package = Package(
  name: "Guest",
  dependencies: [.package(name: "swift-autoround", path: "../..")],
  targets: [
    .executableTarget(
      name: "Guest",
      dependencies: [.product(name: "AutoRound", package: "swift-autoround")],
      swiftSettings: [
        .swiftLanguageMode(.v6),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .treatAllWarnings(as: .error),
      ])
  ]
)
