import AutoRound
import CPU
import Compute
import Foundation
import LanguageModels
import Recordings
import Tensors
import Tuning

/// The time of a tuning step of a decoder block.
struct TuningCase {
  var shape: BlockShape
  var batch: Int
  var tokens: Int
  var scheme = "W4A16"
  var compute = ComputeType.automatic
  var gradients = GradientPrecision.full

  /// What it is called on the command line.
  var name: String {
    var name = "\(shape.name) \(batch)x\(tokens)"
    if scheme != "W4A16" { name += " \(scheme)" }
    if compute != .automatic { name += " \(compute.rawValue)" }
    if gradients != .full { name += " \(gradients.rawValue)" }
    return name
  }

  private static let blocks = [
    TuningCase(shape: .example, batch: 8, tokens: 512),
    TuningCase(shape: .qwen3, batch: 8, tokens: 512),
    TuningCase(shape: .qwen3, batch: 4, tokens: 2048),
    TuningCase(shape: .qwen35, batch: 8, tokens: 512),
    TuningCase(shape: .qwen3MoE, batch: 8, tokens: 512),
    TuningCase(shape: .qwen3MoEQuarter, batch: 8, tokens: 512),
    TuningCase(shape: .llama1B, batch: 8, tokens: 512),
    TuningCase(shape: .llama8B, batch: 1, tokens: 512),
    TuningCase(shape: .gemma3, batch: 8, tokens: 512),
    TuningCase(shape: .gptNeoX, batch: 8, tokens: 512),
  ]

  /// Each block with gradients in full and in 8 bits, where the processor has them; one in f32, and with
  /// weights of other kinds.
  static var all: [TuningCase] {
    let precisions = GradientPrecision.allCases.reversed().filter(\.isAvailable)
    let wide = blocks.flatMap { block in
      precisions.map { precision in
        var block = block
        block.gradients = precision
        return block
      }
    }
    let others = ["FP8_DYNAMIC", "MXFP8A16", "MXFP4A16", "NVFP4A16"].map { scheme in
      TuningCase(shape: .qwen3, batch: 8, tokens: 512, scheme: scheme)
    }
    return wide + [TuningCase(shape: .qwen3, batch: 8, tokens: 512, compute: .float32)] + others
  }

  /// Times the steps after the first two and relates them to the matrix rate, measured before and after.
  func run() throws -> [String] {
    let block = try RandomBlock(
      shape, batch: batch, tokens: tokens, samples: 2 * batch, scheme: scheme, compute: compute,
      gradients: gradients, isTimed: true)
    let rateBefore = try MatrixRate(shape, rows: batch * tokens, type: compute.product)
    let warmUp = 2
    let iterations = warmUp + 5
    let tuner = BlockTuner(
      block: block.program, layers: block.layers,
      settings: TuningSettings(iterations: iterations, batchSize: batch))
    let quantizers = block.layers.compactMap { layer in
      (layer.quantizer as? TimedQuantizer).map { (quantizer: $0, isExpert: layer.part.isMade) }
    }
    var times: [Double] = []
    var last = ContinuousClock.now
    _ = try tuner.tune(inputs: block.inputs, targets: block.targets) { iteration, _ in
      let now = ContinuousClock.now
      if iteration >= warmUp { times.append((now - last) / .seconds(1)) }
      last = now
      if iteration == warmUp - 1 {
        block.program.program.timings = [:]
        for (quantizer, _) in quantizers { quantizer.reset() }
      }
    }
    let rateAfter = try MatrixRate(shape, rows: batch * tokens, type: compute.product)
    let seconds = times.sorted()[times.count / 2]
    let program = block.program.program
    return report(
      OperationCount(program), seconds: seconds,
      rate: (rateBefore.perSecond + rateAfter.perSecond) / 2)
      + breakdown(program, quantizers, total: times.reduce(0, +)) + memory(program)
  }

  private func report(_ count: OperationCount, seconds: Double, rate: Double) -> [String] {
    func share(_ operations: Double) -> String {
      String(format: "%.1f %%", 100 * operations / seconds / rate)
    }
    return [
      "",
      "\(name), \(compute.rawValue), gradients in \(gradients.rawValue)",
      String(
        format: "  %.4f s per iteration, %.0f tokens/s", seconds, Double(batch * tokens) / seconds),
      String(
        format:
          "  %.1f GFLOP in linear layers, %.1f in attention and scans; matrix rate %.0f GFLOP/s",
        count.linear / 1e9, count.attention / 1e9, rate / 1e9),
      "  \(share(count.total)) of the matrix rate; counting linear layers alone "
        + share(count.linear),
    ]
  }

  /// What is planned for the program, and the most memory that this process has had so far.
  private func memory(_ program: Program) -> [String] {
    let planned = Program.byteCount(
      program.recording, training: program.training, device: program.device)
    return [
      String(
        format: "  planned for the program %.2f GB; the process had at most %.2f GB",
        Double(planned) / 1e9, Double(ProcessMemory.peakByteCount) / 1e9)
    ]
  }

  private func breakdown(
    _ program: Program, _ quantizers: [(quantizer: TimedQuantizer, isExpert: Bool)],
    total: Double
  ) -> [String] {
    func stepping(ofExperts isExpert: Bool) -> Double {
      quantizers.reduce(0) { $0 + ($1.isExpert == isExpert ? $1.quantizer.stepping : 0) }
    }
    var parts = program.timings ?? [:]
    // Steps run while the backward pass of their layers waits.
    parts["linear backward", default: 0] -= stepping(ofExperts: false)
    parts["update of V and ranges"] = stepping(ofExperts: false)
    if quantizers.contains(where: \.isExpert) {
      parts["groupedLinear backward", default: 0] -= stepping(ofExperts: true)
      parts["update of experts"] = stepping(ofExperts: true)
    }
    parts["fake quantization"] = quantizers.reduce(0) { $0 + $1.quantizer.quantizing }
    parts["loss, batches, the rest"] = total - parts.values.reduce(0, +)
    return parts.sorted { $0.value > $1.value }.map { name, seconds in
      "    " + name.padding(toLength: 26, withPad: " ", startingAt: 0)
        + String(format: "%5.1f %%", 100 * seconds / total)
    }
  }
}
