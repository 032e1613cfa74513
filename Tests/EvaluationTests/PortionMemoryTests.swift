import AutoRound
import Checkpoints
import Foundation
import JSONText
import LanguageModels
import ModelFamilies
import ReferenceDevice
import Tensors
import TestSupport
import Testing

#if canImport(Glibc)
  import Glibc

  /// What the process has of memory while blocks of experts are tuned, beside what the plan says.
  @Suite(.oneAtATime) struct PortionMemoryTests {
    private static let configuration: JSONValue = [
      "architectures": ["Qwen3MoeForCausalLM"], "model_type": "qwen3_moe", "dtype": "bfloat16",
      "hidden_size": 128, "num_hidden_layers": 1, "num_attention_heads": 2,
      "num_key_value_heads": 2, "head_dim": 32, "vocab_size": 96, "intermediate_size": 128,
      "moe_intermediate_size": 256, "num_experts": 32, "num_experts_per_tok": 4,
      "max_position_embeddings": 64,
    ]

    /// Bytes that the C library has handed out and not got back.
    private static var bytesInUse: Int {
      // The library has it, and its module for Swift has not.
      guard let symbol = dlsym(nil, "malloc_info") else { return 0 }
      typealias Info = @convention(c) (CInt, UnsafeMutablePointer<FILE>) -> CInt
      var (text, size): (UnsafeMutablePointer<CChar>?, Int) = (nil, 0)
      guard let stream = open_memstream(&text, &size) else { return 0 }
      _ = unsafeBitCast(symbol, to: Info.self)(0, stream)
      fclose(stream)
      defer { free(text) }
      guard let text else { return 0 }
      // Sums over all arenas come last.
      let lines = String(cString: text).split(separator: "\n").reversed()
      func number(_ beginning: String) -> Int {
        let line = lines.first { $0.hasPrefix(beginning) } ?? ""
        return line.split(separator: "\"").last { Int($0) != nil }.flatMap { Int($0) } ?? 0
      }
      return number("<system type=\"current\"") + number("<total type=\"mmap\"")
        - number("<total type=\"fast\"") - number("<total type=\"rest\"")
    }

    /// The most bytes that were in use.
    private final class Peak: @unchecked Sendable {
      private(set) var byteCount = 0
      func note() { byteCount = max(byteCount, PortionMemoryTests.bytesInUse) }
    }

    /// Writes a model of one block of 32 experts with random weights, three million.
    ///
    /// - Parameter isWidened: Whether experts are stored in e4m3 with a scale for each matrix.
    private func write(to folder: URL, isWidened: Bool) throws {
      let description = try Architectures.describe(JSONReader(Self.configuration))
      var generator = SeededGenerator(seed: 9)
      var tensors: [String: Tensor] = [:]
      func add(_ stored: StoredMatrix, _ shape: [Int], in block: String) {
        let name = StoredMatrix.fullName(stored.tensor, in: block)
        let count = shape.reduce(1, *)
        if isWidened, name.contains("experts.") {
          let codes = (0..<count).map { _ in UInt8(generator.below(64) + 128 * generator.below(2)) }
          tensors[name] = Tensor(codes, shape: shape, dtype: .float8E4M3)
          tensors["\(name)_scale_inv"] = Tensor([0.05], shape: [])
        } else {
          let numbers = generator.normal(count, deviation: 0.05).map {
            shape.count == 1 ? 1 + $0 : $0
          }
          tensors[name] = Tensor(numbers, shape: shape).converted(to: .bfloat16)
        }
      }
      for part in description.front.parts { add(part.stored, part.shape, in: "") }
      for part in description.end.parts { add(part.stored, part.shape, in: "") }
      for placed in description.blocks {
        for part in placed.block.parts { add(part.stored, part.shape, in: placed.name) }
      }
      let writer = try CheckpointWriter(
        output: folder,
        tensors: tensors.sorted { $0.key < $1.key }.map {
          TensorInfo(name: $0.key, dtype: $0.value.dtype, shape: $0.value.shape)
        }, sources: [], overwrite: false)
      for (name, tensor) in tensors { try writer.write(tensor, named: name) }
      var configuration = Self.configuration
      if isWidened { configuration.set("quantization_config", ["quant_method": "fp8"]) }
      try writer.write(configuration.text(), toFile: "config.json")
      try writer.copyFile(Fixtures.folder.appending(path: "tokenizers/a1-gpt2/tokenizer.json"))
      try writer.finish()
    }

    private func job(_ source: URL, to output: URL, budget: Int? = nil) throws -> QuantizationJob {
      let data = source.deletingLastPathComponent().appending(path: "ids.jsonl")
      try FamilyRun.writeRecords(to: data)
      let options = try ResolvedOptions(
        overrides: OptionOverrides(scheme: "W4A16") {
          $0.iterations = 2
          $0.sampleCount = 4
          $0.sequenceLength = 24
          $0.batchSize = 2
          $0.groupSize = 32
          $0.expertTokenLimit = 0
        })
      var job = QuantizationJob(
        model: source, modifier: AutoRoundModifier(options), output: output)
      job.compute = .float32
      job.reporting.heldOutTokenCount = 0
      job.dataset = try CalibrationSource(file: data)
      job.memoryBudget = budget.map { MemoryBudget(byteCount: $0) }
      job.processByteCount = 0
      return job
    }

    @Test(arguments: [false, true]) func tuningTakesWhatThePlanSays(isWidened: Bool) throws {
      try withTemporaryFolder { folder in
        let source = folder.appending(path: "source")
        try write(to: source, isWidened: isWidened)
        let whole = try job(source, to: folder.appending(path: "whole"))
        let plan = try whole.plan(measuresTime: false)
        let state = plan.memory.tuning
        var most = try measure(whole, plan, in: folder)
        for share in isWidened ? [0.8] : [0.8, 0.6] {
          let budget = plan.memory.byteCount - Int((1 - share) * Double(state))
          let job = try job(source, to: folder.appending(path: "\(share)"), budget: budget)
          let cut = try job.plan(measuresTime: false)
          #expect(cut.portionCount > 1)
          let found = try measure(job, cut, in: folder)
          #expect(found < most, "\(share)")
          most = found
        }
      }
    }

    /// Runs a job; returns the most memory that was in use, which its plan must have counted.
    private func measure(_ job: QuantizationJob, _ plan: RunPlan, in folder: URL) throws -> Int {
      var job = job
      let name = try #require(job.output).lastPathComponent
      job.output = folder.appending(path: "\(name)-measured")
      let peak = Peak()
      job.makeDevice = { try StandIn(compute: $0) { peak.note() } }
      let before = Self.bytesInUse
      _ = try job.run()
      let found = peak.byteCount - before
      // Tokenizer, tables and what libraries keep count for the process.
      let (memory, small) = (plan.memory, 3_000_000)
      let counted = memory.block + memory.tuning + memory.streams
      #expect(found <= counted + small, "\(plan.portionCount) portions")
      #expect(Double(found) >= 0.8 * Double(counted), "\(plan.portionCount) portions")
      return found
    }
  }
#endif
