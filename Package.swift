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
    .library(name: "AutoRound", targets: ["AutoRound"]),
    .executable(name: "autoround", targets: ["CommandMain"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
  ],
  targets: [
    // Layers, lowest first. A target imports only targets above it in this list.
    .systemLibrary(name: "COneDNN", providers: [.apt(["libdnnl-dev"]), .brew(["onednn"])]),
    .target(
      name: "CKernels",
      linkerSettings: [.linkedLibrary("gomp", .when(platforms: [.linux])), .linkedLibrary("m")]),
    .target(name: "CBuiltinCalibration"),
    .target(name: "CVersion"),
    library("Diagnostics"),
    library("Checksums", ["CKernels"]),
    library("JSONText", ["Diagnostics"]),
    library("Tensors", ["CKernels", "Diagnostics"]),
    library("MatrixProducts", ["COneDNN", "Diagnostics", "Tensors"]),
    library("Scans", ["CKernels", "Tensors"]),
    library("Recordings", ["Tensors", "Scans"]),
    library("Compute", ["Diagnostics", "Tensors", "Recordings"]),
    library(
      "CPU",
      ["CKernels", "Diagnostics", "Tensors", "MatrixProducts", "Scans", "Recordings", "Compute"]),
    library("Checkpoints", ["CKernels", "Diagnostics", "Checksums", "JSONText", "Tensors"]),
    library("Hub", ["Diagnostics", "Checksums", "JSONText", "Tensors", "Checkpoints"]),
    library("Tokenization", ["Diagnostics", "JSONText"]),
    library("ChatTemplates", ["Diagnostics", "JSONText"]),
    library(
      "LanguageModels",
      ["Diagnostics", "Tensors", "Recordings", "Compute", "Checkpoints"]),
    library(
      "ModelFamilies", ["Diagnostics", "JSONText", "Recordings", "LanguageModels"]),
    library("WeightBlocks", ["CKernels", "Diagnostics", "Tensors"]),
    library(
      "Quantization",
      ["CKernels", "Diagnostics", "JSONText", "Tensors", "WeightBlocks", "Compute", "CPU"]),
    library(
      "QuantizedCheckpoints",
      ["CKernels", "Diagnostics", "JSONText", "Tensors", "Checkpoints", "Quantization"]),
    library(
      "CompressedTensors",
      [
        "CKernels", "Diagnostics", "JSONText", "Tensors", "Checkpoints", "Quantization",
        "QuantizedCheckpoints",
      ]),
    library(
      "GPTQ",
      [
        "Diagnostics", "JSONText", "Tensors", "Checkpoints", "Quantization", "QuantizedCheckpoints",
      ]),
    library(
      "GGUF",
      [
        "CKernels", "Diagnostics", "Checksums", "Tensors", "Checkpoints", "WeightBlocks",
        "Quantization",
      ]),
    library(
      "GGUFModels",
      [
        "Diagnostics", "JSONText", "Tensors", "Recordings", "Checkpoints", "Tokenization",
        "ChatTemplates", "LanguageModels", "ModelFamilies", "GGUF",
      ]),
    library(
      "MLX",
      [
        "Diagnostics", "JSONText", "Tensors", "Checkpoints", "Quantization", "QuantizedCheckpoints",
      ]),
    // Shares only these with what writes checkpoints, so that no mistake of a layout is made twice.
    library(
      "Verification",
      ["Diagnostics", "Checksums", "JSONText", "Tensors", "LanguageModels", "ModelFamilies"]),
    library(
      "Calibration",
      [
        "CBuiltinCalibration", "Diagnostics", "JSONText", "Tensors", "Tokenization",
        "ChatTemplates",
      ]),
    library(
      "Recipes",
      [
        "Diagnostics", "JSONText", "Recordings", "Compute", "CPU", "Quantization", "Calibration",
        yams,
      ]),
    library(
      "Execution",
      [
        "Diagnostics", "Checksums", "JSONText", "Tensors", "Recordings", "Compute", "Checkpoints",
        "LanguageModels", "ModelFamilies",
        "Quantization", "Calibration", "QuantizedCheckpoints", "CompressedTensors", "GPTQ", "MLX",
        "Tokenization", "ChatTemplates", "GGUFModels",
      ]),
    library(
      "Tuning",
      [
        "Diagnostics", "Tensors", "MatrixProducts", "Recordings", "Compute", "CPU",
        "LanguageModels", "Quantization", "Recipes", "Execution",
      ]),
    library(
      "Evaluation",
      [
        "CKernels", "Diagnostics", "JSONText", "Tensors", "Recordings", "Compute", "CPU",
        "Checkpoints",
        "Tokenization", "ChatTemplates",
        "LanguageModels", "Execution",
      ]),
    library(
      "Inspection",
      [
        "Diagnostics", "JSONText", "Tensors", "Checkpoints", "Tokenization", "LanguageModels",
        "ModelFamilies",
        "Quantization", "QuantizedCheckpoints", "Verification", "Execution", "GGUF", "GGUFModels",
      ]),
    library(
      "Reporting",
      [
        "CKernels", "CVersion", "Diagnostics", "JSONText", "Checkpoints", "Quantization",
        "QuantizedCheckpoints", "Verification", "Execution", "Evaluation",
      ]),
    library(
      "Outputs",
      [
        "Diagnostics", "JSONText", "Checksums", "Tensors", "Checkpoints", "WeightBlocks",
        "Quantization", "LanguageModels", "QuantizedCheckpoints", "CompressedTensors", "GPTQ",
        "MLX", "GGUF",
        "GGUFModels", "Verification", "Recipes", "Execution", "Inspection", "Reporting",
      ]),
    library(
      "Importances",
      [
        "Diagnostics", "Tensors", "Recordings", "Compute", "CPU", "Checkpoints", "LanguageModels",
        "ChatTemplates", "GGUF", "GGUFModels", "Calibration", "Execution",
      ]),
    library(
      "AutoRound",
      [
        "CKernels", "Diagnostics", "Checksums", "JSONText", "Tensors", "MatrixProducts",
        "Recordings", "Compute", "CPU",
        "Checkpoints", "Hub", "Tokenization", "ChatTemplates", "LanguageModels", "ModelFamilies",
        "Quantization", "QuantizedCheckpoints",
        "Verification",
        "Recipes", "Calibration", "Execution", "Tuning", "Evaluation", "Inspection", "Reporting",
        "Outputs",
      ]),
    library(
      "AutoRoundCommands",
      [
        "AutoRound", "Diagnostics", "JSONText", "Tensors", "MatrixProducts", "Checkpoints", "Hub",
        "ChatTemplates", "Recordings", "Compute", "Importances", "Quantization", "Verification",
        "Recipes", "Execution", "Evaluation", "Reporting", argumentParser,
      ]),
    .executableTarget(
      name: "CommandMain", dependencies: ["AutoRoundCommands"],
      swiftSettings: swiftSettings),

    .executableTarget(
      name: "benchmarks",
      dependencies: [
        "AutoRound", "CKernels", "Diagnostics", "JSONText", "Tensors", "MatrixProducts",
        "Recordings", "Compute", "CPU",
        "LanguageModels", "ModelFamilies", "Quantization", "Tuning", "Evaluation",
      ],
      path: "Benchmarks", swiftSettings: swiftSettings),
    .executableTarget(
      name: "random-model",
      dependencies: [
        "Diagnostics", "JSONText", "Tensors", "Checkpoints", "LanguageModels", "ModelFamilies",
      ],
      path: "Tools/RandomModel", swiftSettings: swiftSettings),
    .executableTarget(
      name: "fuzz",
      dependencies: [
        "AutoRound", "Diagnostics", "JSONText", "Tensors", "Checkpoints", "Hub", "Tokenization",
        "ChatTemplates", "LanguageModels", "ModelFamilies", "Quantization", "QuantizedCheckpoints",
        "CompressedTensors", "GGUF", "GGUFModels",
        "Verification", "Execution", "Evaluation",
      ],
      path: "Fuzz", exclude: ["Corpus"], swiftSettings: swiftSettings),

    .target(
      name: "TestSupport", dependencies: ["Diagnostics", "Tensors", "CKernels"],
      path: "Tests/TestSupport",
      swiftSettings: swiftSettings),
    .target(
      name: "HubServer", dependencies: ["Checksums", "JSONText"], path: "Tests/HubServer",
      swiftSettings: swiftSettings),
    .target(
      name: "ReferenceDevice",
      dependencies: [
        "CKernels", "Diagnostics", "Tensors", "Recordings", "Compute", "CPU", "Quantization",
      ],
      path: "Tests/ReferenceDevice", swiftSettings: swiftSettings),
    .target(
      name: "LayoutSupport",
      dependencies: [
        "Tensors", "Checkpoints", "Quantization", "QuantizedCheckpoints", "TestSupport",
      ],
      path: "Tests/LayoutSupport", swiftSettings: swiftSettings),
    tests("Diagnostics"),
    tests("Checksums", ["CKernels"]),
    tests("JSONText"),
    tests("Tensors"),
    tests(
      "Compute", ["CPU", "Recordings", "CKernels", "Tensors", "MatrixProducts", "ReferenceDevice"]),
    tests("Checkpoints", ["JSONText", "Tensors"]),
    tests("Hub", ["HubServer"]),
    tests("Tokenization", ["JSONText"]),
    tests("ChatTemplates", ["JSONText"]),
    tests(
      "LanguageModels",
      [
        "ModelFamilies", "CKernels", "JSONText", "Tensors", "Recordings", "Compute", "CPU",
        "Checkpoints", "ReferenceDevice",
      ]),
    tests("Quantization", ["CKernels", "JSONText", "Tensors", "WeightBlocks", "Checkpoints"]),
    tests("QuantizedCheckpoints", ["JSONText", "Tensors", "Checkpoints", "Quantization"]),
    tests(
      "CompressedTensors",
      [
        "LayoutSupport", "JSONText", "Tensors", "Checkpoints", "Quantization",
        "QuantizedCheckpoints", "Execution",
      ]),
    tests(
      "GPTQ",
      [
        "LayoutSupport", "JSONText", "Tensors", "Checkpoints", "Quantization",
        "QuantizedCheckpoints", "Verification",
      ]),
    tests(
      "GGUF", ["CKernels", "JSONText", "Tensors", "WeightBlocks", "Checkpoints", "Quantization"]),
    tests(
      "GGUFModels",
      [
        "GGUF", "JSONText", "Tensors", "Recordings", "Compute", "CPU", "Checkpoints",
        "LanguageModels", "ModelFamilies", "Tokenization", "Execution",
      ]),
    tests(
      "MLX",
      [
        "LayoutSupport", "JSONText", "Tensors", "Checkpoints", "Quantization",
        "QuantizedCheckpoints",
      ]),
    tests("Recipes", ["JSONText", "Quantization"]),
    tests("Calibration", ["JSONText", "Tokenization", "ChatTemplates"]),
    tests(
      "Execution",
      [
        "JSONText", "Tensors", "Recordings", "Compute", "CPU", "Checkpoints", "LanguageModels",
        "ModelFamilies",
      ]),
    tests("Inspection", ["JSONText", "Tensors", "Checkpoints"]),
    tests("Reporting", ["JSONText", "Checkpoints", "Verification", "Evaluation"]),
    tests(
      "AutoRound",
      [
        "CKernels", "JSONText", "Tensors", "Recordings", "Compute", "CPU", "Checkpoints",
        "LanguageModels",
        "ModelFamilies",
        "Quantization", "Tuning", "ReferenceDevice",
      ]),
    tests(
      "Evaluation",
      [
        "AutoRound", "CKernels", "JSONText", "Tensors", "Recordings", "Compute", "CPU",
        "Checkpoints",
        "LanguageModels", "ModelFamilies", "Quantization", "QuantizedCheckpoints", "GGUF",
        "GGUFModels", "Importances", "MLX", "Tokenization", "Verification", "Inspection",
        "Execution", "ReferenceDevice",
      ]),
    tests("Verification", ["Checksums", "JSONText"]),
    tests(
      "AutoRoundCommands",
      [
        "AutoRound", "HubServer", "JSONText", "Recordings", "Compute", "Quantization",
        argumentParser,
      ]),
  ]
)
