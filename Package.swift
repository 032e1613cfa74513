// swift-tools-version: 6.2
import PackageDescription

/// Settings of every Swift target: strict about imports, existentials and warnings.
let swiftSettings: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .treatAllWarnings(as: .error),
]

/// A Swift library target; it may import only the targets named here.
func library(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: swiftSettings)
}

/// The tests of one target, `Tests/<name>Tests`.
func tests(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .testTarget(
    name: "\(name)Tests",
    dependencies: [.init(stringLiteral: name), "TestSupport"]
      + (name == "Diagnostics" ? [] : ["Diagnostics"]) + dependencies,
    swiftSettings: swiftSettings)
}

let argumentParser = Target.Dependency.product(
  name: "ArgumentParser", package: "swift-argument-parser")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")

let package = Package(
  name: "swift-autoround",
  products: [
    .library(name: "AutoRound", targets: ["AutoRound", "Evaluation", "Verification"]),
    .executable(name: "autoround", targets: ["CommandMain"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
  ],
  targets: [
    // Layers, lowest first. A target imports only targets above it in this list.
    .systemLibrary(name: "COneDNN", providers: [.apt(["libdnnl-dev"])]),
    .target(
      name: "CKernels",
      linkerSettings: [.linkedLibrary("gomp", .when(platforms: [.linux])), .linkedLibrary("m")]),
    .target(name: "CBuiltinCalibration"),
    library("Diagnostics"),
    library("Checksums", ["CKernels"]),
    library("JSONText", ["Diagnostics"]),
    library("Tensors", ["Diagnostics", "CKernels"]),
    library("Compute", ["Diagnostics", "Tensors", "CKernels", "COneDNN"]),
    library("Checkpoints", ["Diagnostics", "Checksums", "JSONText", "Tensors"]),
    library("Tokenization", ["Diagnostics", "JSONText"]),
    library("LanguageModels", ["Diagnostics", "JSONText", "Tensors", "Checkpoints", "Compute"]),
    library("Quantization", ["Diagnostics", "JSONText", "Tensors", "CKernels", "Checkpoints"]),
    library(
      "CompressedTensors",
      ["Diagnostics", "JSONText", "Tensors", "CKernels", "Checkpoints", "Quantization"]),
    // Shares only these with what writes checkpoints, so that no mistake of a layout is made twice.
    library("Verification", ["Diagnostics", "Checksums", "JSONText", "Tensors"]),
    library("Recipes", ["Diagnostics", "JSONText", "Compute", "Quantization", yams]),
    library(
      "Calibration", ["Diagnostics", "JSONText", "Tensors", "Tokenization", "CBuiltinCalibration"]),
    library(
      "Execution",
      [
        "Diagnostics", "JSONText", "Tensors", "Compute", "Checkpoints", "LanguageModels",
        "Quantization", "CompressedTensors",
      ]),
    library(
      "Evaluation",
      [
        "Diagnostics", "JSONText", "Tensors", "Compute", "Checkpoints", "Tokenization",
        "LanguageModels", "Execution", "CKernels",
      ]),
    library(
      "Inspection",
      [
        "Diagnostics", "JSONText", "Tensors", "Checkpoints", "Tokenization", "LanguageModels",
        "Quantization", "CompressedTensors", "Verification",
      ]),
    library(
      "Reporting",
      [
        "Diagnostics", "JSONText", "Checkpoints", "Quantization", "CompressedTensors",
        "Verification", "Evaluation",
        "CKernels",
      ]),
    library(
      "AutoRound",
      [
        "Diagnostics", "Checksums", "JSONText", "Tensors", "Compute", "Checkpoints", "Tokenization",
        "LanguageModels", "Quantization", "CompressedTensors", "Verification", "Recipes",
        "Calibration", "Execution",
        "Evaluation", "Inspection", "Reporting", "CKernels",
      ]),
    library(
      "AutoRoundCommands",
      [
        "Diagnostics", "JSONText", "Tensors", "Compute", "Checkpoints", "Quantization",
        "Verification", "Recipes", "Calibration", "Execution", "Evaluation", "Inspection",
        "Reporting", "AutoRound", argumentParser,
      ]),
    .executableTarget(
      name: "CommandMain", dependencies: ["AutoRoundCommands"],
      swiftSettings: swiftSettings),

    .executableTarget(
      name: "benchmarks",
      dependencies: [
        "CKernels", "Diagnostics", "JSONText", "Tensors", "Compute", "LanguageModels",
        "Quantization", "Recipes", "Calibration", "Execution", "Evaluation", "Reporting",
        "AutoRound",
      ],
      path: "Benchmarks", swiftSettings: swiftSettings),
    .executableTarget(
      name: "random-model", dependencies: ["Checkpoints", "Diagnostics", "JSONText", "Tensors"],
      path: "Tools/RandomModel", swiftSettings: swiftSettings),
    .executableTarget(
      name: "fuzz",
      dependencies: [
        "Diagnostics", "JSONText", "Tensors", "Checkpoints", "Tokenization", "LanguageModels",
        "Quantization", "CompressedTensors", "Verification", "Recipes", "Calibration", "Evaluation",
        "Inspection",
        "Reporting", "AutoRound",
      ],
      path: "Fuzz", exclude: ["Corpus"], swiftSettings: swiftSettings),

    .target(
      name: "TestSupport", dependencies: ["Diagnostics", "Tensors", "CKernels"],
      path: "Tests/TestSupport",
      swiftSettings: swiftSettings),
    tests("Diagnostics"),
    tests("Checksums", ["CKernels"]),
    tests("JSONText"),
    tests("Tensors"),
    tests("Compute", ["Tensors", "CKernels"]),
    tests("Checkpoints", ["JSONText", "Tensors"]),
    tests("Tokenization", ["JSONText"]),
    tests("LanguageModels", ["JSONText", "Tensors", "Checkpoints", "Compute", "CKernels"]),
    tests("Quantization", ["JSONText", "Tensors", "CKernels"]),
    tests("CompressedTensors", ["JSONText", "Tensors", "Checkpoints", "Quantization"]),
    tests("Recipes", ["JSONText", "Compute", "Quantization"]),
    tests("Calibration", ["JSONText", "Tensors", "Tokenization"]),
    tests("Execution", ["JSONText", "Tensors", "Compute"]),
    tests(
      "Inspection", ["JSONText", "Tensors", "Checkpoints", "Quantization", "CompressedTensors"]),
    tests("Reporting", ["JSONText", "Compute", "Checkpoints", "Quantization", "Evaluation"]),
    tests(
      "AutoRound",
      [
        "JSONText", "Tensors", "Compute", "Checkpoints", "LanguageModels", "Quantization",
        "CompressedTensors",
        "Tokenization", "Recipes", "Calibration", "Execution", "Reporting", "CKernels",
      ]),
    tests(
      "Evaluation",
      [
        "JSONText", "Tensors", "Compute", "Checkpoints", "LanguageModels", "Quantization",
        "CompressedTensors",
        "Verification", "Recipes", "Calibration", "Execution", "Inspection", "Reporting",
        "AutoRound",
      ]),
    tests("Verification", ["Checksums", "JSONText"]),
    tests(
      "AutoRoundCommands",
      [
        "JSONText", "Compute", "Quantization", "Recipes", "Execution", "Reporting", "AutoRound",
        argumentParser,
      ]),
  ]
)
