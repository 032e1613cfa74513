import CPU
import Compute
import Recordings
import ReferenceDevice
import Tensors
import TestSupport
import Testing

@Suite(.oneAtATime) struct ExpertsTests {
  static let routers: [Router] = {
    var grouped = Router(experts: 12, perToken: 3, score: .sigmoid, normalization: 1e-20)
    grouped.groups = .init(count: 4, kept: 2)
    grouped.factor = 2.5
    var ofBest = Router(experts: 12, perToken: 3, score: .softmax)
    ofBest.groups = .init(count: 4, kept: 2)
    ofBest.groups?.summed = 1
    var scaled = Router(experts: 5, perToken: 2, score: .softmax)
    scaled.factor = 0.5
    return [
      grouped, ofBest, scaled, Router(experts: 8, perToken: 2, score: .softmax, normalization: 0),
      Router(experts: 6, perToken: 4, score: .softmaxOfChosen),
      Router(experts: 3, perToken: 3, score: .sigmoid),
      Router(experts: 1, perToken: 1, score: .softmax),
    ]
  }()

  @Test(arguments: ComputeType.available, routers)
  func resultsAndGradients(compute: ComputeType, router: Router) throws {
    for hasBias in [false, true] {
      var twin = Twin(compute, batch: 2, tokens: 7)
      let x = twin.input(20)
      let bias = hasBias ? twin.vector([router.experts], around: 0, isConstant: true) : nil
      // Others read the same, before and after.
      let y = twin.experts(x, router, size: 12, bias: bias)
      twin.finish(twin.add(twin.linear(y), x))
      try twin.check(.chain)
      try twin.check(.chain, training: .matrices)
      try twin.check(.chain, training: .nothing)
    }
  }

  /// Logits in f32 in a program of another type: gradients flow through them.
  @Test(arguments: ComputeType.allCases, routers)
  func logitsInFloat32(compute: ComputeType, router: Router) throws {
    for hasBias in [false, true] {
      var twin = Twin(compute, batch: 2, tokens: 7)
      let x = twin.input(20)
      let matrix = twin.matrix(rows: [router.experts], columns: 20)
      let bias = hasBias ? twin.vector([router.experts], around: 0) : nil
      let z = twin.linear(x, matrix, bias: bias, as: .float32)
      twin.finish(twin.add(twin.linear(twin.experts(x, router, size: 12, logits: z)), x))
      try twin.check(.chain)
      try twin.check(.chain, training: .matrices)
      try twin.check(.chain, training: .nothing)
    }
  }

  /// Experts with biases, those that read weighted copies, and both.
  @Test(arguments: ComputeType.available, routers)
  func biasesAndWeightedInputs(compute: ComputeType, router: Router) throws {
    for (hasBiases, weighsInputs) in [(true, false), (false, true), (true, true)] {
      var twin = Twin(compute, batch: 2, tokens: 7)
      let x = twin.input(20)
      let y = twin.experts(
        x, router, size: 12, hasBiases: hasBiases, weighsInputs: weighsInputs)
      twin.finish(twin.add(twin.linear(y), x))
      try twin.check(.chain)
      try twin.check(.chain, training: .matrices)
      try twin.check(.chain, training: .nothing)
    }
  }

  /// One token, as in generation, and more rows of an expert than one product takes, in more than one tile.
  @Test(arguments: ComputeType.available) func fewAndManyRows(compute: ComputeType) throws {
    let router = Router(experts: 4, perToken: 1, score: .softmax)
    for (batch, tokens, size) in [(1, 1, 12), (2, 301, 8), (1, 3, 1_100)] {
      var twin = Twin(compute, batch: batch, tokens: tokens)
      twin.finish(twin.experts(twin.input(8), router, size: size, hasBiases: true))
      try twin.check(.chain)
    }
  }

  /// All logits are the same: the first experts are chosen, and the others have no rows and a gradient of 0.
  @Test(arguments: ComputeType.available, [Router.Score.softmax, .sigmoid, .softmaxOfChosen])
  func equalLogitsChooseTheFirst(compute: ComputeType, score: Router.Score) throws {
    let router = Router(experts: 4, perToken: 2, score: score, normalization: 0)
    var twin = Twin(compute, batch: 1, tokens: 600)
    let z = twin.input(4, Array(repeating: 0.5, count: 2_400))
    twin.finish(twin.experts(twin.input(6), router, size: 5, logits: z))
    try twin.check(.chain)
    let outcome = try TwinProgram(twin).run()
    for (_, gradient) in outcome.delivered {
      #expect(gradient[..<(gradient.count / 2)].contains { $0 != 0 })
      #expect(gradient[(gradient.count / 2)...].everySatisfies { $0 == 0 })
    }
  }

  /// A token whose logits are not finite answers NaN, and no other token notices.
  @Test(arguments: [Float.nan, .infinity, -.infinity], [Router.Score.softmax, .softmaxOfChosen])
  func logitsThatAreNotFinite(bad: Float, score: Router.Score) throws {
    let router = Router(experts: 4, perToken: 2, score: score, normalization: 0)
    func twin(_ logit: Float, weighsInputs: Bool) -> Twin {
      var twin = Twin(.float32, batch: 1, tokens: 3)
      let z = twin.input(4, [1, 2, 3, 4, 4, logit, 2, 1, 0, 1, 0, 1])
      twin.finish(
        twin.experts(
          twin.input(5), router, size: 6, logits: z, hasBiases: true, weighsInputs: weighsInputs))
      return twin
    }
    let choices = Devices.available.filter { $0.compute == .float32 }
    for (choice, weighsInputs) in choices.flatMap({ [($0, false), ($0, true)] }) {
      let device = try choice.make()
      let (good, found) = (
        try TwinProgram(twin(3, weighsInputs: weighsInputs), device: device).run(),
        try TwinProgram(twin(bad, weighsInputs: weighsInputs), device: device).run()
      )
      #expect(found.output[5..<10].everySatisfies { $0.isNaN })
      // Products of other numbers of rows may add up in another order.
      for rows in [0..<5, 10..<15] {
        expectClose(
          found.output[rows].map(Double.init), good.output[rows].map(Double.init),
          Tolerance(ofLargest: 1e-6), "the other tokens")
      }
      let gradients = found.delivered.flatMap(\.gradient) + found.inputGradients.joined()
      #expect(gradients.everySatisfies { $0.isFinite })
    }
  }

  /// Samples that a short batch does not have take no part, whatever lies there.
  @Test func absentSamplesHaveNoExperts() throws {
    let router = Router(experts: 4, perToken: 2, score: .softmax, normalization: 0)
    func gradients(_ rest: Float) throws -> [Float] {
      var twin = Twin(.float32, batch: 2, tokens: 4)
      let present = (0..<16).map { Float($0 * 7 % 5) }
      let z = twin.input(4, present + Array(repeating: rest, count: 16))
      twin.finish(twin.experts(twin.input(5), router, size: 6, logits: z))
      let half = try TwinProgram(twin)
      half.program.sampleCount = 1
      return half.run().delivered.flatMap(\.gradient)
    }
    let (found, other) = (try gradients(.nan), try gradients(1))
    #expect(found == other)
    #expect(found.everySatisfies { $0.isFinite } && found.contains { $0 != 0 })
  }

  @Test(arguments: ComputeType.available)
  func oneAndTwoThreadsComputeTheSameBytes(compute: ComputeType) throws {
    let router = Router(experts: 6, perToken: 2, score: .softmax, normalization: 0)
    var twin = Twin(compute, batch: 2, tokens: 150)
    twin.finish(twin.experts(twin.input(40), router, size: 24, hasBiases: true))
    let team = ThreadTeam.size
    defer { ThreadTeam.size = team }
    let outcomes = try [1, 2].map { threads in
      ThreadTeam.size = threads
      return try TwinProgram(twin).run().bitPatterns
    }
    #expect(outcomes[0] == outcomes[1])
  }
}
