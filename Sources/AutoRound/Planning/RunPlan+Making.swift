import Tensors
import Checkpoints
import Compute
package import Diagnostics
import Foundation
import JSONText
import LanguageModels
import Quantization
import Verification

extension RunPlan {
  /// Plans a run from the headers of the source's files.
  ///
  /// - Parameters:
  ///   - state: After the modifier was initialized.
  ///   - copy: The output.
  ///   - heldOutTokenCount: Tokens that the result is measured on.
  init(
    model: String, state: SessionState, copy: QuantizedCopy, options: ResolvedOptions,
    heldOutTokenCount: Int
  ) throws {
    let source = state.model
    let tensors = Dictionary(uniqueKeysWithValues: copy.tensors.map { ($0.name, $0) })
    let modules = source.description.modules
    self.model = model
    architecture =
      source.checkpoint.configuration["architectures"]?.arrayValue?.first?.stringValue ?? "unknown"
    scheme = options.schemeSummary
    let added = copy.tensors.filter { source.checkpoint.info($0.name)?.shape != $0.shape }
    let stored = Dictionary(grouping: added) { tensor in
      tensor.name.split(separator: ".").dropLast().joined(separator: ".")
    }
    layers = modules.compactMap { module in
      guard let arguments = state.schemes[module.name]?.weights else { return nil }
      return Layer(
        name: module.name, shape: module.shape, scheme: arguments.text,
        byteCount: stored[module.name]?.reduce(0) { $0 + $1.byteCount } ?? 0)
    }
    let reasons = try KeptReasons(source.description, options)
    keptTensors = try source.checkpoint.tensorNames.compactMap { name in
      guard let info = tensors[name], info == source.checkpoint.info(name) else { return nil }
      return KeptTensor(
        name: name, storage: "\(info.dtype.rawValue) \(info.shape)", byteCount: info.byteCount,
        reason: try reasons.reason(for: info))
    }

    let plan = try CheckpointPlan(copy.tensors)
    files = plan.files + copy.otherFiles(recipe: options.recipe)
    files.sort { $0.name < $1.name }
    // One line for each: 64 digits, two spaces, the name and its end.
    let sums = files.reduce(0) { $0 + 67 + $1.name.utf8.count }
    files.append(File(name: VerificationReport.sumsFile, byteCount: sums))
    sourceByteCount = copy.sourceByteCount
    tensorByteCount = plan.tensorByteCount
    bitsPerWeight = copy.bitsPerWeight
    func bits(without names: Set<String>) -> Double {
      let weights = source.checkpoint.tensorNames.filter { !names.contains($0) }
        .compactMap { source.checkpoint.info($0)?.shape.reduce(1, *) }.reduce(0, +)
      let bytes = copy.tensors.filter { !names.contains($0.name) }.reduce(0) { $0 + $1.byteCount }
      return 8 * Double(bytes) / Double(max(1, weights))
    }
    bitsPerParameter = bits(without: [])
    bitsPerParameterWithoutEmbeddings = bits(
      without: [source.description.embedding, source.description.head])

    memory = try MemoryEstimate(state, options, heldOutTokenCount: heldOutTokenCount)
    freeMemoryByteCount = SystemMemory.availableByteCount
    // Both streams after one block, and those after the next until their record is written.
    scratchByteCount = source.description.blocks.count > 1 ? 2 * memory.streams : 0
    let verification = VerificationReport(
      planned: copy.configuration,
      layers: Dictionary(
        uniqueKeysWithValues: modules.filter(\.isLinear).map {
          ($0.name, ($0.shape, state.schemes[$0.name]?.weights != nil))
        }))
    tensorParallelSizes = verification.tensorParallelSizes
    runtimes = verification.runtimes
    warnings = state.warnings + verification.findings.map { "\($0.place): \($0.message)" }
  }

  /// Refuses a run that needs more memory than there is.
  ///
  /// - Parameter free: Bytes that the process can take besides what it has; nil if nobody knows.
  package func requireMemory(free: Int?) throws(InputError) {
    // The system takes mapped pages back where it has to, and streams can go to scratch files.
    let wanted = memory.byteCount - memory.mapped - memory.process - memory.streams
    guard let free, wanted > free else { return }
    throw InputError(
      .unwritable, source: model,
      "the run takes about \(Quantities.bytes(wanted)) of memory, and \(Quantities.bytes(free)) are "
        + "free; make --sequence-length or --batch-size smaller, or try nevertheless with "
        + "--ignore-limits")
  }
}

/// Why tensors are not quantized.
private struct KeptReasons {
  private let description: ModelDescription
  private let ignored: [ModuleMatcher]
  private let modules: [String: ModuleDescription]

  init(_ description: ModelDescription, _ options: ResolvedOptions) throws {
    self.description = description
    ignored = try options.ignore.map { try ModuleMatcher($0) }
    modules = Dictionary(uniqueKeysWithValues: description.modules.map { ($0.name, $0) })
  }

  func reason(for info: TensorInfo) throws -> String {
    if info.name == description.embedding { return "an embedding is looked up in, not multiplied" }
    guard info.name.hasSuffix(".weight"), info.shape.count == 2,
      let module = modules[String(info.name.dropLast(".weight".count))]
    else { return info.shape.count < 2 ? "norms and biases are vectors" : "no linear layer" }
    if try ignored.contains(where: { try $0.match(module) != nil }) { return "ignore lists it" }
    let isInside = description.blocks.contains { module.name.hasPrefix($0.name + ".") }
    return isInside ? "no target matches it" : "it is outside the decoder blocks"
  }
}

extension CheckpointPlan {
  /// The files that hold tensors, and their index.
  fileprivate var files: [RunPlan.File] {
    var files = shards.map { RunPlan.File(name: $0.fileName, byteCount: $0.byteCount) }
    if let index {
      files.append(.init(name: ShardIndex.fileName, byteCount: index.text.utf8.count))
    }
    return files
  }
}

extension TensorInfo {
  /// Bytes of the elements; shapes of planned tensors were counted before.
  fileprivate var byteCount: Int { shape.reduce(dtype.byteCount, *) }
}
