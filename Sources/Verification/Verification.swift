import Diagnostics
package import Foundation
import JSONText
import LanguageModels
import ModelFamilies
import Tensors

extension VerificationReport {
  /// The file with the digests of a checkpoint's tensors that `quantize` writes.
  package static let recordFile = "quantization_report.json"
  /// The file with the digests of a checkpoint's files, in the form of `sha256sum`.
  package static let sumsFile = "SHA256SUMS"

  /// Adds all that ``Verifier/run()`` finds.
  mutating func check(_ folder: URL, source: Verifier.Source?, reach: TuningReach?) {
    let stored = StoredTensors(folder, &self)
    tensorCount = stored.tensors.count
    digest(folder, stored.tensors)
    let record = Self.record(folder)
    compare(record, folder)
    guard let configuration = Self.configuration(folder, &self) else { return }
    if RowDescription.isMeant(by: configuration) {
      comparesSource = source != nil
      var original: SourceTensors?
      if let source { original = SourceTensors(source, &self) }
      return checkRows(
        configuration, stored.tensors, original: original,
        reach: reach ?? TuningReach(record: record))
    }
    guard var description = QuantizationDescription(configuration, &self) else { return }

    var layers: [String: (shape: [Int], scheme: LayerScheme?)] = [:]
    let tensors = stored.tensors
    let modules = StoredTensors.byModule(tensors).filter { StoredFormat.recognises($1) }
    let quantized = description.check(modules, &self)
    for (module, layer) in quantized { layers[module] = layer }
    quantizedLayerCount = modules.count
    for (name, tensor) in tensors where name.hasSuffix(".weight") && tensor.shape.count == 2 {
      let module = String(name.dropLast(7))
      if modules[module] == nil, !Self.isTable(module) { layers[module] = (tensor.shape, nil) }
    }
    let model = describe(configuration, tensors)
    checkBlocks(configuration, model, layers.keys)
    ModelTensors(
      model: model, tensors: tensors,
      layers: layers.mapValues(\.shape), quantized: Set(quantized.keys), description: description
    ).run(&self)
    ActivationScaleCheck(
      description: description, tensors: tensors, layers: quantized.mapValues(\.scheme)
    ).run(&self)
    LoadContracts(
      configuration: configuration, description: description, names: model?.names, layers: layers,
      globalScales: tensors.filter { $0.key.hasSuffix(".weight_global_scale") }
        .compactMapValues { $0.floats?.first }
    ).run(&self)
    runtimes = description.runtimes(refusals: refusals)
    quantizesKeysAndValues = description.keysAndValues != nil
    guard let source else { return }
    comparesSource = true
    let original = SourceTensors(source, &self)
    SourceLedger(
      configuration, source: original, tensors: tensors, quantized: quantized,
      reach: reach ?? TuningReach(record: record)
    ).run(&self)
  }

  /// The digests of a folder's files; nothing else is checked.
  package static func digests(of folder: URL) -> VerificationReport {
    var report = VerificationReport()
    report.digest(folder, [:])
    return report
  }

  /// The model that the configuration describes; nil for a family that is not known here.
  mutating func describe(
    _ configuration: JSONValue, _ tensors: [String: StoredTensor]
  ) -> ModelDescription? {
    let reader = JSONReader(configuration)
    guard Architectures.know(reader) else { return nil }
    do {
      return try Architectures.describe(reader, shapes: tensors.mapValues(\.shape))
    } catch {
      // One that has a source is about the names of tensors.
      let (known, file) = (error as? InputError, "config.json")
      let place = known?.place.map { known?.source == nil ? "\(file): \($0)" : $0 } ?? file
      add(.contract, place, known?.message ?? "\(error)")
      return nil
    }
  }

  /// Whether a matrix is looked up in rather than multiplied with, by its module's name.
  package static func isTable(_ module: String) -> Bool {
    let name = module.split(separator: ".").last ?? ""
    // `embed_vision.embedding_projection` of Gemma 4 multiplies.
    return name.contains("embed") && !name.contains("proj") || name == "wte" || name == "wpe"
      || name.contains("norm")
  }

  private static func configuration(
    _ folder: URL, _ report: inout VerificationReport
  ) -> JSONValue? {
    do throws(InputError) {
      let value = try JSONValue.parse(
        contentsOf: folder.appending(path: "config.json"), limit: configurationByteCountLimit)
      if value.objectValue != nil { return value }
      report.add(.damage, "config.json", "is not a JSON object")
    } catch {
      report.add(
        .damage, "config.json",
        [error.place, error.message].compactMap(\.self).joined(separator: ": "))
    }
    return nil
  }

  /// Every decoder block that the configuration counts has layers.
  mutating func checkBlocks(
    _ configuration: JSONValue, _ model: ModelDescription?, _ layers: some Sequence<String>
  ) {
    guard let count = model?.blocks.count ?? configuration["num_hidden_layers"]?.intValue else {
      return
    }
    // The list of a known model's blocks; modules that see may have blocks, too.
    let list = (model?.blocks.first?.name).map { $0[...($0.lastIndex(of: ".") ?? $0.startIndex)] }
    var found: Set<Int> = []
    for layer in layers {
      if let list {
        guard layer.hasPrefix(list) else { continue }
        if let number = Int(layer.dropFirst(list.count).prefix { $0 != "." }) {
          found.insert(number)
        }
      } else if let number = blockNumber(of: layer) {
        found.insert(number)
      }
    }
    guard !found.isEmpty, (0...1 << 20).contains(count) else { return }
    let missing = Set(0..<count).subtracting(found).sorted()
    if !missing.isEmpty {
      let first = missing.prefix(8).map(String.init).joined(separator: ", ")
      add(
        .damage, "model.layers",
        "\(missing.count) of \(count) blocks have no linear layer: \(first)"
          + (missing.count > 8 ? " and so on" : ""))
    }
  }

  /// Digests the files of a folder, and tensors in them.
  private mutating func digest(_ folder: URL, _ tensors: [String: StoredTensor]) {
    var found: [(name: String, storage: TensorStorage)] = []
    for name in Self.fileNames(folder, prefix: "") {
      let path = folder.appending(path: name).path
      let storage: TensorStorage
      do throws(InputError) {
        storage = try TensorStorage(mappingFileAt: path)
      } catch {
        add(.damage, name, error.message)
        continue
      }
      found.append((name, storage))
      let all = 0..<storage.byteCount
      if name.hasSuffix(".json"), (try? JSONValue.parse(storage.bytes(in: all))) == nil {
        add(.damage, name, "is not JSON")
      }
    }
    let names = Array(tensors.keys)
    let digests = Stretch.digests(
      found.map { Stretch(storage: $0.storage, range: 0..<$0.storage.byteCount) }
        + names.compactMap { tensors[$0]?.stretch })
    files = zip(found, digests).map {
      File(name: $0.name, byteCount: $0.storage.byteCount, digest: $1)
    }
    tensorDigests = Dictionary(
      uniqueKeysWithValues: zip(names, digests.dropFirst(found.count)))
  }

  /// The files of a folder and of the folders in it, by their paths inside it.
  private static func fileNames(_ folder: URL, prefix: String) -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return names.sorted().flatMap { name -> [String] in
      let url = folder.appending(path: name)
      guard let status = FileStatus(path: url.path) else { return [] }
      // Reading a device or a pipe might never end.
      if !status.isFolder { return status.isRegularFile ? [prefix + name] : [] }
      // Checkpoints have no folders in folders; links could go round in circles.
      return prefix.isEmpty ? fileNames(url, prefix: name + "/") : []
    }
  }

  private static func record(_ folder: URL) -> JSONValue? {
    try? JSONValue.parse(contentsOf: folder.appending(path: recordFile))
  }

  /// Compares the tensors with the digests that were recorded when they were written, and the files
  /// with the list that `sha256sum --check` reads.
  private mutating func compare(_ record: JSONValue?, _ folder: URL) {
    for member in record?["tensors"]?.objectValue ?? [] {
      guard let digest = tensorDigests[member.key] else {
        add(.damage, member.key, "was written and is not there")
        continue
      }
      if digest != member.value.stringValue { add(.damage, member.key, "is not what was written") }
    }
    guard let sums = try? readFile(folder.appending(path: Self.sumsFile).path) else { return }
    let text = String(decoding: sums, as: UTF8.self)
    let digests = Dictionary(files.map { ($0.name, $0.digest) }, uniquingKeysWith: { a, _ in a })
    for line in text.split(separator: "\n") {
      // 64 digits, a space, and a space or an asterisk.
      let (digest, name) = (String(line.prefix(64)), String(line.dropFirst(66)))
      guard digest.count == 64, !name.isEmpty else {
        add(
          .damage, Self.sumsFile,
          "\(quoted(String(line.prefix(80)))) is not a line that sha256sum writes")
        continue
      }
      guard let found = digests[name] else {
        add(.damage, name, "was written and is not there")
        continue
      }
      if found != digest { add(.damage, name, "is not the file that was written") }
    }
  }
}
