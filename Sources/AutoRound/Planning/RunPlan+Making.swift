import Checkpoints
import Diagnostics
import Execution
import Foundation
import JSONText
import LanguageModels
import Quantization
import Recipes
import Tensors
import Tuning
import Verification

extension RunPlan {
  /// Plans a run from the headers of the source's files.
  init(_ run: Preparation) throws {
    let (source, copy, schemes) = (run.copy.source, run.copy, run.table.layers)
    let options = run.options
    model = run.model
    memory = run.memory
    (scratchByteCount, portionCount) = (0, run.calibration?.setup.portionCount ?? 1)
    portionTimeFactor = Portion.timeFactor(
      portionCount, rows: run.calibration?.setup.rowsOfExpert ?? 0)
    if let (setup, placement) = run.calibration {
      // Both streams after one block, and those after the next until their record is written.
      if setup.model.description.blocks.count > 1 { scratchByteCount = 2 * memory.streams }
      memory.streams -= placement.scratchByteCount
      scratchByteCount += placement.scratchByteCount
    }
    architecture = run.architecture
    sourceStorage = source.checkpoint.made?.storage.description
    scheme = options.schemeSummary
    layers = run.survey.modules.compactMap { module in
      guard let arguments = schemes[module.name]?.weights else { return nil }
      return Layer(
        name: module.name, shape: module.shape, scheme: arguments.text,
        byteCount: copy.contents.byteCount(ofLayer: module.name))
    }
    let ignored = try options.ignore.map { try ModuleMatcher($0) }
    let modules = Dictionary(uniqueKeysWithValues: run.survey.modules.map { ($0.name, $0) })
    func reason(whyKept info: TensorInfo) throws -> String {
      guard info.shape.count == 2, let name = ModuleDescription.name(ofWeight: info.name),
        let module = modules[name]
      else { return info.shape.count < 2 ? "norms and biases are vectors" : "no linear layer" }
      if module.className == "Embedding" { return "an embedding is looked up in, not multiplied" }
      if try ignored.contains(where: { try $0.match(module) != nil }) { return "ignore lists it" }
      return run.survey.reason(whyKept: module)
    }
    keptTensors = try source.tensors.compactMap { info in
      guard copy.contents.keeps(info) else { return nil }
      return KeptTensor(
        name: info.name, storage: "\(info.dtype.rawValue) \(info.shape)", byteCount: info.byteCount,
        reason: try reason(whyKept: info))
    }

    sourceByteCount = copy.sourceByteCount
    freeMemoryByteCount = SystemMemory.availableByteCount
    warnings = [copy.warningAboutUncountedBlocks].compactMap(\.self)
    outputs = []
    for copy in run.copies {
      let verification = try Self.verification(of: copy, run)
      outputs.append(Output(copy, verification, run))
      let format = run.copies.count > 1 ? "\(copy.format.name): " : ""
      warnings += verification.warnings(options).map { format + $0 }
    }
  }

  /// What can be said of a copy before it is written.
  ///
  /// - Throws: `malformed` for one that would not be sound.
  private static func verification(
    of copy: QuantizedCopy, _ run: Preparation
  ) throws(InputError) -> VerificationReport {
    let schemes = run.table.layers
    let tensors = Set(copy.tensors.map(\.name))
    let verification = copy.contents.planned(
      Dictionary(
        uniqueKeysWithValues: (run.survey.modules + copy.strays).filter { module in
          module.isLinear
            && (schemes[module.name] != nil || tensors.contains("\(module.name).weight"))
        }.map { ($0.name, ($0.shape, schemes[$0.name]?.weights != nil)) }))
    if let damage = verification.findings.first(where: { $0.kind == .damage }) {
      throw InputError(
        .malformed, source: run.survey.checkpoint.folder.path(percentEncoded: false),
        place: damage.place,
        "\(damage.message); the result would not be sound")
    }
    return verification
  }
}

extension RunPlan.Output {
  fileprivate init(_ copy: QuantizedCopy, _ verification: VerificationReport, _ run: Preparation) {
    (format, folder) = (copy.format.name, copy.folder)
    files = copy.plan.files
    files += copy.otherFiles(recipe: run.options.recipe).map { .init(name: $0, byteCount: $1) }
    files.sort { $0.name < $1.name }
    // One line for each: 64 digits, two spaces, the name and its end.
    let sums = files.reduce(0) { $0 + 67 + $1.name.utf8.count }
    files.append(.init(name: VerificationReport.sumsFile, byteCount: sums))
    tensorByteCount = copy.plan.tensorByteCount
    bitsPerWeight = copy.bitsPerWeight
    bitsPerParameter = copy.storedBits(without: [])
    bitsPerParameterWithoutEmbeddings = copy.storedBits(without: run.survey.embeddingsAndHeads)
    tensorParallelSizes = verification.tensorParallelSizes
    runtimes = verification.runtimes
  }
}

extension QuantizedCopy {
  /// Stored bits per parameter of the model without some tensors.
  fileprivate func storedBits(without names: Set<String>) -> Double {
    let weights = source.tensors.reduce(0) { names.contains($1.name) ? $0 : $0 + $1.count }
    return 8 * Double(contents.byteCount(without: names)) / Double(max(1, weights))
  }

  /// What to say of layers in blocks that the configuration does not count.
  fileprivate var warningAboutUncountedBlocks: String? {
    guard let count = configuration["num_hidden_layers"]?.intValue else { return nil }
    let beyond = kept.filter { name in blockNumber(of: name).map { $0 >= count } ?? false }
    guard !beyond.isEmpty else { return nil }
    return enumerated(beyond, "linear layer")
      + " in blocks that config.json does not count (num_hidden_layers is \(count)): left as in the "
      + "source, and listed in ignore"
  }
}

extension CheckpointPlan {
  /// The files that hold tensors, and their index.
  fileprivate var files: [RunPlan.File] {
    shards.map { .init(name: $0.fileName, byteCount: $0.byteCount) }
      + [index].compactMap(\.self).map {
        .init(name: ShardIndex.fileName, byteCount: $0.text.utf8.count)
      }
  }
}
